// `make shell`: a sandbox with two pools and a shell in it, in which `pulumi preview` and kubectl work as they are. It
// ends with the shell.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Stack } from "./engine/stack";
import { devSettings, repository } from "./engine/paths";
import { startSandbox, type Sandbox } from "./sandbox";

const welcome = `
Your own sandbox: a local Azure, a real Kubernetes API server, two pools, and an empty Pulumi stack for them.

    sandbox                      what can be done to it
    sandbox status               nodes, their patch level, what kured wrote
    sandbox patch NODE           installs patches on a node and reboots it, as kured does
    pulumi preview --diff        what would change, and why
    pulumi up                    does it
    kubectl get nodes            if there is a kubectl on your PATH

exit (or Ctrl-D) ends the shell and the sandbox.
`;

/**
 * The sandbox's environment with a stack for all its pools, in which a node that was just patched may be taken at once.
 */
async function environmentWithStack(sandbox: Sandbox): Promise<NodeJS.ProcessEnv> {
    const stack = await Stack.create({
        runDirectory: sandbox.directory,
        env: sandbox.env,
        name: "dev",
        settings: devSettings,
        config: { minimumReadyTime: "1s" },
    });
    // Selected as a person would, instead of given with every command: `pulumi stack …` should work with other stacks
    // too.
    (await stack.run("stack", "select")).orFail();
    return { ...stack.env, PULUMI_OPTION_STACK: undefined };
}

async function main(): Promise<void> {
    const sandbox = await startSandbox({ pools: [{ name: "pool1" }, { name: "pool2" }], quiet: false });
    // Ctrl-C belongs to what runs in the shell; the sandbox's end is the shell's.
    process.removeAllListeners("SIGINT").on("SIGINT", () => undefined);
    try {
        const env = await environmentWithStack(sandbox);
        console.log(welcome);
        const shell = spawn(process.env.SHELL ?? "/bin/sh", [], { cwd: repository, env, stdio: "inherit" });
        await once(shell, "exit");
    } finally {
        console.log("Stopping the sandbox …");
        await sandbox.stop();
    }
}

main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
});
