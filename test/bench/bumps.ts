// What bumps take beyond Azure's own time: a capture of one disk, and ten pools at once against one alone.
import { parallelFlags } from "../../runner/pulumi";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import type { Stack } from "../../sandbox/engine/stack";
import { heard, inputsFor, startCapture } from "../stack/support/capture";
import { machinesOf, patch, poolStack } from "../stack/support/pools";

/** How long the local Azure takes, in milliseconds: less than the real one. */
const AZURE = { snapshot: 5_000, disk: 4_000, vmUpdate: 6_000, scaleSet: 3_000, imageVersion: 180_000 };
const POOLS = 10;

/** What Azure was asked for, and how long it takes for that. */
const OPERATIONS: [method: RegExp, path: RegExp, duration: keyof typeof AZURE][] = [
    [/PUT/, /\/snapshots\/[^/]+$/i, "snapshot"],
    [/PUT|PATCH/, /\/disks\/[^/]+$/i, "disk"],
    [/DELETE/, /\/(disks|snapshots)\/[^/]+$/i, "disk"],
    [/PUT|PATCH/, /\/virtualMachines\/[^/]+$/i, "vmUpdate"],
];

/** Seconds of a capture by a copy, from its first look at the node, and how many of them are Azure's. */
export async function captureBeyondAzure(): Promise<{ wall: number; azure: number }> {
    const sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3 }], durations: AZURE });
    try {
        const [vm] = machinesOf(sandbox, "pool1");
        const inputs = inputsFor(sandbox, vm);
        sandbox.azure.requests.clear();
        const settings = { ...inputs.settings, mode: "copy" as const };
        const capture = startCapture(sandbox, { ...inputs, settings });
        // An update has started its processes long before.
        await heard(capture, "looking at the node");
        const begun = Date.now();
        const { error } = await capture.result;
        if (error !== undefined) {
            throw new Error(error);
        }
        return { wall: (Date.now() - begun) / 1000, azure: secondsOfAzure(sandbox) };
    } finally {
        await sandbox.stop();
    }
}

/** The sum of all that was asked for, of which a capture does some side by side. */
function secondsOfAzure({ azure }: Sandbox): number {
    const durations = azure.requests.writes().flatMap(({ method, path }) => {
        const found = OPERATIONS.find(([methods, paths]) => methods.test(method) && paths.test(path));
        return found ? AZURE[found[2]] : [];
    });
    return durations.reduce((sum, each) => sum + each, 0) / 1000;
}

/** Seconds of a bump of one pool, and of ten pools in one stack. */
export async function bumpsAtOnce(): Promise<{ one: number; all: number }> {
    const names = Array.from({ length: POOLS }, (_, index) => `p${String(index + 1).padStart(2, "0")}`);
    const sandbox = await startSandbox({ pools: ["alone", ...names].map((name) => ({ name, capacity: 3 })) });
    try {
        const config = { capture: "copy" };
        const alone = await poolStack(sandbox, ["alone"], config, "alone");
        const fleet = await poolStack(sandbox, names, config, "fleet");
        await settle(sandbox, alone, ["alone"]);
        await settle(sandbox, fleet, names);
        Object.assign(sandbox.azure.durations, AZURE);
        return { one: await bump(sandbox, alone, ["alone"]), all: await bump(sandbox, fleet, names) };
    } finally {
        await sandbox.stop();
    }
}

async function settle(sandbox: Sandbox, stack: Stack, pools: string[]): Promise<void> {
    await patchEach(sandbox, pools, 0, "2026-11-16T04:12:00Z");
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
}

async function bump(sandbox: Sandbox, stack: Stack, pools: string[]): Promise<number> {
    await patchEach(sandbox, pools, 1, "2026-11-17T04:12:00Z");
    const begun = Date.now();
    // As `npm run up` does.
    (await stack.up("--skip-preview", ...parallelFlags({}))).orFail();
    return (Date.now() - begun) / 1000;
}

/** One after the other, as kured does it. */
async function patchEach(sandbox: Sandbox, pools: string[], index: number, at: string): Promise<void> {
    for (const pool of pools) {
        await patch(sandbox, pool, index, at);
    }
}
