// The thin shell of the dynamic resources: all that the engine keeps of their code is how to load it from the project.
import * as pulumi from "@pulumi/pulumi";

/** The functions of a dynamic provider, with their arguments (Pulumi's `dynamic.ResourceProvider`). */
const FUNCTIONS = {
    configure: "request",
    check: "olds, news",
    diff: "id, olds, news",
    create: "inputs",
    read: "id, props",
    update: "id, olds, news",
    delete: "id, props",
};

const ADVICE = "run this command in its checkout, or with --cwd";

/**
 * The code of a dynamic provider whose functions are those that a module of this project exports under the same names
 * (components/providers.ts).
 *
 * The engine keeps a provider's code in the state of each of its resources (`__provider`). So it is how to load a
 * module and nothing else: the text stays small and the same when the code changes, no credential can get into it, and
 * all resources of a run share the module and its clients. The process that runs it starts in the project's folder:
 * a text that named the folder itself would be another on each machine. Where a destroy or a refresh is run elsewhere,
 * the text says so. A state with the text of an earlier version is not a change, since no provider compares it.
 *
 * @param module path from the project's root without extension, as in `components/capture/provider`, by which
 *     components/providers.ts has it
 */
export function shell(module: string): string {
    const functions = Object.entries(FUNCTIONS).map(
        ([name, args]) => `${name}: (${args}) => load("${name}")(${args}),`,
    );
    return `const { createRequire } = require("node:module");
const load = (method) => {
    const load = createRequire(process.cwd() + "/package.json");
    try {
        load.resolve("./components/engine/typescript.cjs");
    } catch {
        const message = \`kamino's program is not in the folder "\${process.cwd()}": ${ADVICE}\`;
        throw Object.assign(new Error(message), { stack: "" });
    }
    load("./components/engine/typescript.cjs");
    return load("./components/providers").providers[${JSON.stringify(module)}][method];
};
exports.handler = () => ({
    ${functions.join("\n    ")}
});
`;
}

/**
 * A dynamic resource, to Pulumi's engine the same as `pulumi.dynamic.Resource`. That one takes a provider's functions
 * apart to write its code, and loads TypeScript's compiler for it in each run; here the code is known.
 */
export class DynamicResource extends pulumi.CustomResource {
    /**
     * @param module what `shell` takes
     * @param type its name in a plan, as in `NodeSelection`
     * @param props its inputs, and undefined for each output that it has besides
     */
    constructor(module: string, type: string, name: string, props: pulumi.Inputs, opts?: pulumi.CustomResourceOptions) {
        super(`pulumi-nodejs:dynamic/kamino:${type}`, name, { ...props, __provider: shell(module) }, opts);
    }
}
