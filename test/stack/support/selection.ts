// Runs the functions of a NodeSelection in a separate process, with the environment that the engine would give it.
import { join } from "node:path";
import { execa } from "execa";
import type { Sandbox } from "../../../sandbox/sandbox";
import type { NodeSelectionArgs, NodeSelectionState } from "../../../components/selection/nodeSelection";

const REPOSITORY = join(__dirname, "..", "..", "..");

/** What a check came to, and what a person would have seen of it. */
export interface Checked {
    inputs: NodeSelectionState;
    failures?: { property: string; reason: string }[];
    said: string;
}

/** What the program asks of a selection for a pool of the sandbox. */
export function argsFor(sandbox: Sandbox, pool: string, change: Partial<NodeSelectionArgs> = {}): NodeSelectionArgs {
    const scaleSet = sandbox.azure.scaleSets().find(({ name }) => name.includes(`-${pool}-`));
    const group = scaleSet?.id.split("/").slice(0, 5).join("/");
    return {
        pool,
        scaleSetId: scaleSet?.id ?? "",
        computerNamePrefix: scaleSet?.name,
        imageDefinitionId: `${group}/providers/Microsoft.Compute/galleries/kamino/images/${scaleSet?.name}`,
        poolsOfRun: [],
        rules: {
            ...{ minimumReadyTimeMs: 3_600_000, newNodeTimeoutMs: 900_000, minimumCandidates: 1, prefer: "newest" },
            ...{ ignoreNodes: [], ignoreAnnotations: [] },
        },
        maxHistory: 3,
        kubernetes: { kubeconfig: sandbox.cluster.kubeconfig },
        ...change,
    };
}

/** Calls one of the provider's functions. */
export async function call<T>(
    sandbox: Sandbox,
    name: "check" | "create" | "update",
    input: unknown[],
    env: NodeJS.ProcessEnv = {},
): Promise<T & { said: string }> {
    const program =
        `const provider = require("./components/selection/provider");` +
        `provider.${name}(...JSON.parse(process.env.SELECTION_INPUT))` +
        `.then((result) => console.log(JSON.stringify(result)));`;
    const { stdout, stderr } = await execa(
        process.execPath,
        ["--require", "./components/engine/typescript.cjs", "--eval", program],
        {
            cwd: REPOSITORY,
            env: { ...sandbox.env, SELECTION_INPUT: JSON.stringify(input), ...env },
            extendEnv: false,
        },
    );
    return { ...(JSON.parse(stdout) as T), said: stderr };
}

/** What the provider says to what was before and what is asked now. */
export function check(
    sandbox: Sandbox,
    olds: Partial<NodeSelectionState>,
    news: NodeSelectionArgs,
    env?: NodeJS.ProcessEnv,
): Promise<Checked> {
    return call<Checked>(sandbox, "check", [olds, news], env);
}
