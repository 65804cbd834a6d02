// A stack of the tests' program in its own run directory, whose path has a space in it.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Stack, type ConfigValue } from "../../sandbox/engine/stack";

export interface TinyStack {
    stack: Stack;
    runDirectory: string;
    /** What the program and its dynamic provider wrote down, a line each. */
    journal: () => string[];
}

const program = path.join(__dirname, "program");
const made: string[] = [];

/** Makes an empty stack; `config` must have `text`. */
export async function tinyStack(
    config: Record<string, ConfigValue>,
    secrets: Record<string, string> = {},
    runDirectory = newRunDirectory(),
    name = "test",
): Promise<TinyStack> {
    const file = path.join(runDirectory, `journal-${name}`);
    const stack = await Stack.create({ runDirectory, program, name, secrets, config: { journal: file, ...config } });
    return {
        stack,
        runDirectory,
        journal: () => (fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : []),
    };
}

export function newRunDirectory(): string {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "kamino engine "));
    made.push(directory);
    return directory;
}

/** Takes away the run directories of all stacks made so far. */
export function removeRunDirectories(): void {
    for (const directory of made.splice(0)) {
        fs.rmSync(directory, { recursive: true, force: true });
    }
}
