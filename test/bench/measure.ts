// Whole processes, measured one after the other in turns, so that what else the machine does meets all of them alike.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** A command to measure. */
export interface Measured {
    name: string;
    command: string[];
    cwd: string;
    env: NodeJS.ProcessEnv;
}

/** What a run of it cost: seconds by the clock, and of CPU in all its processes. */
export interface Cost {
    wall: number;
    cpu: number;
}

const run = promisify(execFile);

/** bash counts the CPU time of all processes that have ended below it, waited for by whoever started them. */
async function measureOnce({ name, command, cwd, env }: Measured): Promise<Cost> {
    const script = `TIMEFORMAT='MEASURED %R %U %S'; time "$@" >/dev/null 2>/dev/null; echo "EXIT $?"`;
    const { stdout, stderr } = await run("bash", ["-c", script, "bash", ...command], { cwd, env });
    const [, wall, user, system] = /MEASURED (\S+) (\S+) (\S+)/.exec(stderr) ?? [];
    const exitCode = Number(/EXIT (\d+)/.exec(stdout)?.[1]);
    if (exitCode !== 0) {
        throw new Error(`${name} ended with ${exitCode}: ${command.join(" ")}`);
    }
    return { wall: Number(wall), cpu: Number(user) + Number(system) };
}

/** Medians of so many rounds, in each of which every command runs once; one round before them does not count. */
export async function measureInTurns(commands: Measured[], rounds: number): Promise<Map<string, Cost>> {
    const costs = new Map(commands.map(({ name }) => [name, [] as Cost[]]));
    for (let round = -1; round < rounds; round++) {
        for (const command of commands) {
            const cost = await measureOnce(command);
            if (round >= 0) {
                costs.get(command.name)?.push(cost);
            }
        }
    }
    return new Map(
        [...costs].map(([name, all]) => [
            name,
            { wall: median(all.map(({ wall }) => wall)), cpu: median(all.map(({ cpu }) => cpu)) },
        ]),
    );
}

/** The middle one; of an even number the higher of the two. */
export function median(values: number[]): number {
    return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
