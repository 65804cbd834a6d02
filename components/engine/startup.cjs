// Makes Pulumi's SDK start in half the time: parts of it that few programs use, and this one never, are loaded when
// they are first used. Preloaded (`node --require`); stands in Node's own table of modules until then, so that what
// asks for such a part gets it all the same. Where a later SDK has no such file, nothing happens.
"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const process = require("node:process");

const MODULES = path.join(__dirname, "..", "..", "node_modules");

/** The file's name as Node's table has it, where links have been followed. */
function find(file) {
    try {
        return fs.realpathSync(path.join(MODULES, file));
    } catch {
        return undefined;
    }
}

/** Puts something in the place of a module that has not been loaded yet. */
function standIn(file, make) {
    const name = find(file);
    if (name === undefined || require.cache[name]) {
        return;
    }
    let real;
    const load = () => {
        if (!real) {
            delete require.cache[name];
            real = require(name);
        }
        return real;
    };
    const module = new Module(name);
    Object.assign(module, { filename: name, loaded: true, exports: make(load) });
    require.cache[name] = module;
}

/** A module whose exports are functions: each loads it when it is called. */
const functions = (load) => new Proxy({}, { get: (_, name) => marked(name) ?? ((...args) => load()[name](...args)) });

/** Any other module. */
const values = (load) =>
    new Proxy(
        {},
        {
            get: (_, name) => marked(name) ?? load()[name],
            has: (_, name) => name in load(),
            ownKeys: () => Reflect.ownKeys(load()),
            getOwnPropertyDescriptor: (_, name) => {
                const found = Reflect.getOwnPropertyDescriptor(load(), name);
                return found && { ...found, configurable: true };
            },
        },
    );

// By this mark compiled TypeScript leaves a module as it is; otherwise it copies all of it.
const marked = (name) => (name === "__esModule" ? true : undefined);

/** A function that makes errors for their stack traces, without these. */
function untraced(call) {
    return (...args) => {
        const { stackTraceLimit } = Error;
        Error.stackTraceLimit = 0;
        try {
            return call(...args);
        } finally {
            Error.stackTraceLimit = stackTraceLimit;
        }
    };
}

// The Automation API: Pulumi run by a program.
standIn("@pulumi/pulumi/automation/index.js", values);
// Functions as text, for functions in a cloud and for dynamic providers (components/engine/shell.ts): TypeScript's
// compiler, npm's own library for trees of packages, and an open debugger in every run.
standIn("@pulumi/pulumi/runtime/closure/codePaths.js", functions);
standIn("@pulumi/pulumi/runtime/closure/serializeClosure.js", functions);
standIn("@pulumi/pulumi/runtime/closure/v8Hooks.js", (load) => ({
    getSessionAsync: () => load().getSessionAsync(),
    isInitializedAsync: () => Promise.resolve(),
    getScriptUrl: (id) => load().getScriptUrl(id),
}));
// Reads the source map of every package that is on a stack when the SDK takes a note of where it is, which is at each
// promise. What it would give is the SDK's own TypeScript lines, in errors of the SDK itself.
standIn("source-map-support/register.js", () => ({}));
// Writes down a stack trace for each of its promises, of which a resource has many. It shows them on this wish alone.
if (!process.env.PULUMI_DEBUG_PROMISE_LEAKS) {
    standIn("@pulumi/pulumi/runtime/debuggable.js", (load) => {
        let made;
        const make = () => ({ ...load(), debuggablePromise: untraced(load().debuggablePromise) });
        return values(() => (made ??= make()));
    });
}
