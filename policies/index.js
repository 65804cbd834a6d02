// Entry point of the policy pack: loads index.ts through esbuild, so that it runs wherever its dependencies are
// installed.
"use strict";

// Pulumi's launcher has registered ts-node for TypeScript by now, which checks every type at every run (seconds); types
// are checked once, by `npx tsc`. Hooks chain, so its own has to go before esbuild's is registered.
delete require.extensions[".ts"];
require("esbuild-register/dist/node").register({ target: "node20" });

require("./index.ts");
