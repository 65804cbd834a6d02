// Scripts of package.json, run as a person types them.
import { execa } from "execa";
import type { PoolStatus } from "../../../runner/status/show";
import { repository } from "../../../sandbox/engine/paths";
import type { Stack } from "../../../sandbox/engine/stack";

/** Runs `npm run SCRIPT -- FLAGS` with this environment and no other variable. */
export function npmRun(script: string, flags: string[], env: NodeJS.ProcessEnv) {
    return execa("npm", ["run", "--silent", script, "--", ...flags], {
        ...{ cwd: repository, env, extendEnv: false, reject: false },
        ...{ all: true, stdin: "ignore" },
    } as const);
}

/** What `npm run status -- --json` says of a stack's pools. */
export async function npmRunStatus(stack: Stack): Promise<{ exitCode?: number; all: string; pools: PoolStatus[] }> {
    const flags = ["--stack", stack.name, "--config-file", stack.configFile, "--json"];
    const { exitCode, all, stdout } = await npmRun("status", flags, stack.env);
    if (!stdout.startsWith("[")) {
        throw new Error(`npm run status: ${all}`);
    }
    return { exitCode, all, pools: JSON.parse(stdout) as PoolStatus[] };
}
