// Fails when what is in node_modules isn't what package-lock.json says, so that `npm ci` runs only when it must.
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";

const installedList = "node_modules/.package-lock.json";

function packages(file) {
    return Object.entries(JSON.parse(readFileSync(file, "utf8")).packages).filter(([path]) => path !== "");
}

function complete() {
    if (!existsSync(installedList)) {
        return false;
    }
    const installed = new Map(packages(installedList));
    // Optional packages are mostly builds for other machines.
    return packages("package-lock.json").every(([path, { version, optional, devOptional, peer }]) =>
        installed.has(path) ? installed.get(path).version === version : (optional ?? devOptional ?? peer),
    );
}

process.exit(complete() ? 0 : 1);
