// Runs TypeScript without a build step: `node --require ./components/engine/typescript.cjs FILE.ts`. A TypeScript file
// that is required becomes one bundle with everything it imports but Pulumi's own packages. The bundle is kept, and
// used as long as no source file, package or option of it has changed: what runs is always what the sources say.
// `node typescript.cjs FILE.ts …` makes bundles ahead, for a file system that will be read-only.
"use strict";

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const process = require("node:process");

const PROJECT = path.join(__dirname, "..", "..");
const MODULES = path.join(PROJECT, "node_modules");
const CACHE = path.join(MODULES, ".cache", "kamino");

const OPTIONS = {
    absWorkingDir: PROJECT,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // Pulumi's SDKs hold a run's state in modules of theirs, and its loader of dynamic providers must find the same.
    external: ["@pulumi/*", "@grpc/grpc-js", "google-protobuf", "typescript", "ts-node", "esbuild", "esbuild-register"],
    loader: { ".node": "empty" },
    logLevel: "error",
    metafile: true,
    write: false,
};

const digest = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");

/** What decides about a bundle besides the sources: the installed packages, as npm lists them, and how it is made. */
function environment() {
    const installed = path.join(MODULES, ".package-lock.json");
    const lock = fs.existsSync(installed) ? fs.readFileSync(installed) : "";
    return digest(lock, fs.readFileSync(__filename), process.version);
}

const isSource = (file) => !file.split("/").includes("node_modules");

/** The kept bundle, or undefined when there is none or anything that went into it is another by now. */
function kept(record, made) {
    try {
        const { sources, bundle } = JSON.parse(fs.readFileSync(record, "utf8"));
        const same = ([file, hash]) => digest(fs.readFileSync(path.join(PROJECT, file))) === hash;
        return made === bundle.environment && Object.entries(sources).every(same)
            ? fs.readFileSync(path.join(CACHE, bundle.file), "utf8")
            : undefined;
    } catch {
        return undefined;
    }
}

/** Bundles a file. Where the bundle cannot be kept (a read-only file system, say), the next process makes it again. */
function bundle(entry, record, made) {
    // Loaded only where there is something to do: it starts a process.
    const { buildSync } = require("esbuild");
    const { outputFiles, metafile } = buildSync({ ...OPTIONS, entryPoints: [entry] });
    const code = outputFiles[0].text;
    const hashOf = (file) => digest(fs.readFileSync(path.join(PROJECT, file)));
    const sources = Object.fromEntries(
        Object.keys(metafile.inputs)
            .filter(isSource)
            .map((file) => [file, hashOf(file)]),
    );
    const file = `${digest(code).slice(0, 32)}.js`;
    try {
        fs.mkdirSync(CACHE, { recursive: true });
        keep(path.join(CACHE, file), code);
        keep(record, JSON.stringify({ sources, bundle: { file, environment: made } }));
    } catch {
        // It is only kept to save time.
    }
    return code;
}

/** Renamed into place, so that another process never reads half a file. */
function keep(file, text) {
    const unfinished = `${file}.${process.pid}`;
    fs.writeFileSync(unfinished, text);
    fs.renameSync(unfinished, file);
}

/** The JavaScript of a TypeScript file and of all that it imports. */
function load(entry) {
    const record = path.join(CACHE, `${digest(path.relative(PROJECT, entry)).slice(0, 32)}.json`);
    const made = environment();
    return kept(record, made) ?? bundle(entry, record, made);
}

require.extensions[".ts"] = (module, file) => module._compile(load(file), file);

if (require.main === module) {
    process.argv.slice(2).forEach((file) => load(path.resolve(file)));
}
