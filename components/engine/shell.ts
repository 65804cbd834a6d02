// The thin shell of the dynamic resources: all that the engine keeps of their code is how to load it from the project.
import type { dynamic } from "@pulumi/pulumi";

type Call = (...args: unknown[]) => Promise<never>;

/**
 * A dynamic provider whose functions are those that a module of this project exports under the same names
 * (components/providers.ts).
 *
 * The engine writes a provider's functions, with all they capture, into the state of each of its resources
 * (`__provider`). So they capture a path and nothing else: that text stays small and the same when the code changes, no
 * credential can get into it, and all resources of a run share the module and its clients. The process that runs them
 * starts in the project's folder.
 *
 * @param module path from the project's root without extension, as in `components/capture/provider`, by which
 *     components/providers.ts has it
 */
export function shell(module: string): dynamic.ResourceProvider {
    // Self-contained on purpose: whatever it named from outside would be captured and written into the state as well.
    const load = (method: string): Call => {
        // eslint-disable-next-line @typescript-eslint/no-require-imports
        const { createRequire } = require("node:module") as typeof import("node:module");
        const load = createRequire(process.cwd() + "/package.json");
        load("./components/engine/typescript.cjs");
        const { providers } = load("./components/providers") as { providers: Record<string, Record<string, Call>> };
        return providers[module][method];
    };
    return {
        configure: (request) => load("configure")(request),
        check: (olds, news) => load("check")(olds, news),
        diff: (id, olds, news) => load("diff")(id, olds, news),
        create: (inputs) => load("create")(inputs),
        read: (id, props) => load("read")(id, props),
        update: (id, olds, news) => load("update")(id, olds, news),
        delete: (id, props) => load("delete")(id, props),
    };
}
