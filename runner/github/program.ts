// Which program makes a plan. The engine may refuse one of another program step for step, although nothing of the
// cluster has changed: with another version of an SDK its providers are others.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

/** What a preview runs: the program, the policy pack, and the locked versions of all packages. */
const PARTS = ["index.ts", "components", "policies", "package-lock.json"];

/** A digest of the program's sources and of the versions of its packages. */
export function programDigest(project: string): string {
    const hash = createHash("sha256");
    for (const file of PARTS.flatMap((part) => filesIn(join(project, part))).sort()) {
        hash.update(`${relative(project, file)}\n`)
            .update(readFileSync(file))
            .update("\n");
    }
    return hash.digest("hex").slice(0, 16);
}

function filesIn(path: string): string[] {
    if (!existsSync(path)) {
        return [];
    }
    if (path.endsWith(".ts") || path.endsWith(".json")) {
        return [path];
    }
    return readdirSync(path, { withFileTypes: true })
        .filter(({ name }) => name !== "node_modules")
        .flatMap((entry) => (entry.isDirectory() ? filesIn(join(path, entry.name)) : [join(path, entry.name)]));
}
