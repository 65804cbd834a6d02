// How the demos speak: a sentence, the command as typed, and the tools' own output.
import type { Stack } from "./engine/stack";
import type { Sandbox } from "./sandbox";

/** Says what comes next. */
export function say(sentence: string, command?: string): void {
    console.log(`\n== ${sentence}${command ? `\n$ ${command}` : ""}`);
}

/** Runs a pulumi command on screen; returns its exit code. */
export async function attempt(sandbox: Sandbox, stack: Stack, ...command: string[]): Promise<number> {
    const running = stack.run(...command);
    // Ctrl-C reaches pulumi too, which then finishes what is under way: a node to restore, its state.
    sandbox.waitFor(running);
    return (await running).exitCode;
}

/** The same for a command that has to succeed. */
export async function run(sandbox: Sandbox, stack: Stack, ...command: string[]): Promise<void> {
    const exitCode = await attempt(sandbox, stack, ...command);
    if (exitCode !== 0) {
        throw new Error(`pulumi ${command.join(" ")} ended with exit code ${exitCode}`);
    }
}

/** Ends a demo that failed, with the reason in a line. */
export function failDemo(error: unknown): void {
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
}
