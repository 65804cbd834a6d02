// Entry point of the policy pack: loads index.ts, through the program's loader beside the program, and by esbuild alone
// where the pack is installed with packages of its own.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

// Pulumi's launcher has registered ts-node for TypeScript where settings do not say otherwise, which checks every type
// at every run (seconds); types are checked once, by `npx tsc`. Hooks chain, so its own has to go before another is
// registered.
delete require.extensions[".ts"];
const loader = path.join(__dirname, "..", "components", "engine", "typescript.cjs");
if (fs.existsSync(loader) && !fs.existsSync(path.join(__dirname, "node_modules"))) {
    require(loader);
} else {
    require("esbuild-register/dist/node").register({ target: "node20" });
}

require("./index.ts");
