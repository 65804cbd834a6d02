// How Node processes that somebody else starts get what makes Pulumi's SDK start sooner (startup.cjs).
import { join } from "node:path";
import { PROJECT } from "../core/project";

/**
 * An environment in which every Node process preloads startup.cjs. Pulumi's program has it by Pulumi.yaml; the process
 * of the dynamic resources, which the engine starts, has no other way.
 *
 * @param env its NODE_OPTIONS stay, and startup.cjs is added to them
 */
export function withStartup(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    // In quotes for a path with spaces, where a backslash stands for what follows it: Windows takes slashes as well.
    const file = join(PROJECT, "components", "engine", "startup.cjs").replaceAll("\\", "/").replaceAll('"', '\\"');
    const option = `--require "${file}"`;
    const { NODE_OPTIONS: own = "" } = env;
    return own.includes(option) ? env : { ...env, NODE_OPTIONS: [own, option].filter(Boolean).join(" ") };
}
