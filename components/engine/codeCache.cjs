// Keeps what V8 makes of a bundle's code, so that the next process need not make it again: a tenth of a second for each
// ten megabytes. V8 itself compares a source's length alone; here a kept file counts only for the very same source.
"use strict";

const { Buffer, isAscii } = require("node:buffer");
const { createHash } = require("node:crypto");
const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const process = require("node:process");
const v8 = require("node:v8");
const vm = require("node:vm");

const HASH_BYTES = 32;
const [BEFORE, AFTER] = Module.wrapper;

const digest = (bytes) => createHash("sha256").update(bytes).digest();

/** The name of what is kept for a bundle: V8's version, its options and the processor's kind decide what it can use. */
const keptName = (bundle) => `${bundle}.${v8.cachedDataVersionTag().toString(16)}`;

/**
 * Writes a file whole or not at all: renamed into place, so that another process never reads half of it. Where nothing
 * can be written, nothing is kept.
 */
function keep(file, bytes) {
    const unfinished = `${file}.${process.pid}`;
    try {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(unfinished, bytes);
        fs.renameSync(unfinished, file);
    } catch {
        // It is only kept to save time.
    }
}

/** V8's code of this source; undefined when there is none, or it is of another source or damaged. */
function read(file, sourceHash) {
    try {
        const bytes = fs.readFileSync(file);
        const data = bytes.subarray(2 * HASH_BYTES);
        const hashes = Buffer.concat([sourceHash, digest(data)]);
        return hashes.equals(bytes.subarray(0, 2 * HASH_BYTES)) ? data : undefined;
    } catch {
        return undefined;
    }
}

/** What a module calls to load another, as Node makes it. */
function requireOf(module) {
    const require = (id) => module.require(id);
    return Object.assign(require, Module.createRequire(module.filename));
}

/**
 * Runs a module, as `module._compile` does.
 *
 * @param source its JavaScript, UTF-8
 * @param filename what stack traces call it
 * @param bundle the file that the source is kept in; V8's code is kept beside it
 */
function run(module, source, filename, bundle) {
    const file = keptName(bundle);
    const sourceHash = digest(source);
    const cachedData = read(file, sourceHash);
    // V8 takes half of the time and memory for a text that it knows to be of single bytes.
    const text = source.toString(isAscii(source) ? "latin1" : "utf8");
    const script = new vm.Script(`${BEFORE}${text}${AFTER}`, {
        filename,
        cachedData,
        columnOffset: -BEFORE.length,
    });
    const compiled = script.runInThisContext();
    compiled.call(module.exports, module.exports, requireOf(module), module, filename, path.dirname(filename));
    if (!cachedData || script.cachedDataRejected) {
        // With the functions that have been called by now.
        const data = script.createCachedData();
        keep(file, Buffer.concat([sourceHash, digest(data), data]));
    }
}

module.exports = { keep, run };
