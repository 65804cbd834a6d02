// Runs TypeScript without a build step: `node --require ./components/engine/typescript.cjs FILE.ts`. A TypeScript file
// that is required becomes one bundle with everything it imports but Pulumi's own packages. The bundle is kept, and
// used as long as no source file, package or option of it has changed: what runs is always what the sources say.
// `node typescript.cjs FILE.ts …` makes bundles ahead, for a file system that will be read-only.
"use strict";

require("./startup.cjs");
const { keep, run } = require("./codeCache.cjs");
const { Buffer } = require("node:buffer");
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
    // What few runs load is not in every run's bundle.
    external: [
        ...["@pulumi/*", "@grpc/grpc-js", "google-protobuf", "typescript", "ts-node", "esbuild", "esbuild-register"],
        ...["prom-client", "@opentelemetry/*", "@cyclonedx/*", "packageurl-js"],
    ],
    loader: { ".node": "empty" },
    // `import()` becomes a `require` at that moment: V8 forgets how to import when it takes kept code (codeCache.cjs).
    supported: { "dynamic-import": false },
    // Half the size, and ASCII alone.
    minifyWhitespace: true,
    lineLimit: 160,
    legalComments: "none",
    logLevel: "error",
    metafile: true,
    write: false,
};

// A bundle's first line says what it was made from.
const HEAD = "// ";

const digest = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");

/** What decides about a bundle besides the sources: the installed packages, as npm lists them, and how it is made. */
function environment() {
    const installed = path.join(MODULES, ".package-lock.json");
    const lock = fs.existsSync(installed) ? fs.readFileSync(installed) : "";
    return digest(lock, fs.readFileSync(__filename), process.version);
}

const isSource = (file) => !file.split("/").includes("node_modules");

const hashOf = (source) => digest(fs.readFileSync(path.join(PROJECT, source)));

/** The kept bundle, or undefined when there is none or anything that went into it is another by now. */
function kept(file, current) {
    try {
        const code = fs.readFileSync(file);
        const { environment, sources } = JSON.parse(code.toString("utf8", HEAD.length, code.indexOf("\n")));
        const same = ([source, hash]) => hashOf(source) === hash;
        return environment === current && Object.entries(sources).every(same) ? code : undefined;
    } catch {
        return undefined;
    }
}

/** Bundles a file. Where the bundle cannot be kept (a read-only file system, say), the next process makes it again. */
function bundle(entry, file, current) {
    // Loaded only where there is something to do: it starts a process.
    const { buildSync } = require("esbuild");
    const { outputFiles, metafile } = buildSync({ ...OPTIONS, entryPoints: [entry] });
    const sources = Object.keys(metafile.inputs).filter(isSource);
    const made = { environment: current, sources: Object.fromEntries(sources.map((each) => [each, hashOf(each)])) };
    const code = Buffer.from(`${HEAD}${JSON.stringify(made)}\n${outputFiles[0].text}`);
    keep(file, code);
    return code;
}

/** Where the bundle of a TypeScript file is kept. */
const fileOf = (entry) => path.join(CACHE, `${digest(path.relative(PROJECT, entry)).slice(0, 32)}.js`);

/** The JavaScript of a TypeScript file and of all that it imports. */
function load(entry) {
    const current = environment();
    return kept(fileOf(entry), current) ?? bundle(entry, fileOf(entry), current);
}

require.extensions[".ts"] = (module, file) => run(module, load(file), file, fileOf(file));

if (require.main === module) {
    process.argv.slice(2).forEach((file) => load(path.resolve(file)));
}
