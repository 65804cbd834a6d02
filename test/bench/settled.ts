// A stack whose preview finds nothing to do, and the command of such a preview.
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { patch, poolStack } from "../stack/support/pools";
import type { Measured } from "./measure";

/** The stack of a pool that has taken an image from a node. */
export async function settledStack(sandbox: Sandbox): Promise<Stack> {
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    const stack = await poolStack(sandbox, ["pool1"]);
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
    return stack;
}

/** A preview as a person types it, without what `npm run preview` adds to the environment. */
export function preview(of: Stack, name: string, cwd = repository): Measured {
    const { NODE_OPTIONS } = process.env;
    const quiet = { PULUMI_OPTION_NON_INTERACTIVE: "true", PULUMI_OPTION_COLOR: "never" };
    return { name, cwd, command: ["pulumi", "preview"], env: { ...of.env, NODE_OPTIONS, ...quiet } };
}
