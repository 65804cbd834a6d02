// `make demo`: the whole way on screen, with the tools' own output and a sentence before each step.
import type { ScaleSet } from "./azure";
import { devSettings } from "./engine/paths";
import { Stack } from "./engine/stack";
import { readyCondition } from "./nodes/api";
import { failDemo, run, say } from "./narration";
import { startSandbox, type Sandbox } from "./sandbox";

const HOUR = 3_600_000;
const POOLS = ["pool1", "pool2"];

/** Long enough to be seen, short enough to be watched. */
const durations = { imageVersion: 3_000, snapshot: 500, bootstrap: 8_000, vmStop: 500, vmStart: 500 };

async function main() {
    say("A local Azure, a real Kubernetes control plane and two pools of three nodes each. This takes some seconds.");
    const sandbox = await startSandbox({
        quiet: false,
        durations,
        pools: POOLS.map((name) => ({ name, capacity: 3 })),
    });
    try {
        await tell(sandbox);
    } finally {
        await sandbox.stop();
    }
    say("That was all; nothing is left behind. To look around in your own sandbox: make shell");
}

async function tell(sandbox: Sandbox) {
    const pools = sandbox.azure.scaleSets();
    say("Over the last days kured has rebooted two nodes of each pool after OS patches; the third waits.");
    for (const pool of pools) {
        await patch(sandbox, pool, 0, "2026.11.20", 72);
        await patch(sandbox, pool, 1, "2026.11.22", 30);
    }
    const stack = await Stack.create({
        runDirectory: sandbox.directory,
        env: sandbox.env,
        name: "dev",
        settings: devSettings,
        show: true,
    });

    say(
        "First run: take an image of each pool's most recently rebooted node, and adopt the scale sets as they are (=).",
        "pulumi up",
    );
    const before = await service(sandbox);
    await run(sandbox, stack, "up");
    await showThatNobodyLeft(sandbox, before);
    say(
        "Now the reviewable change: the models point at the images; script extension and bootstrap data go.",
        "pulumi preview --diff",
    );
    await run(sandbox, stack, "preview", "--diff");
    say("It is what we want. No running node is touched.", "pulumi up");
    await run(sandbox, stack, "up");

    const [pool] = pools;
    say(`A day later kured reboots the third node of ${POOLS[0]}: it is now the best one.`);
    await patch(sandbox, pool, 2, "2026.11.24", 2);
    say("The bump, as it comes to review: of the scale set one line, imageReference.id.", "pulumi preview --diff");
    await run(sandbox, stack, "preview", "--diff");
    say("And done.", "pulumi up");
    const now = await service(sandbox);
    await run(sandbox, stack, "up");
    await showThatNobodyLeft(sandbox, now);

    await scaleOut(sandbox, pool);
    say("Nothing is newer than the images now: unchanged.", "pulumi preview");
    await run(sandbox, stack, "preview");
}

/**
 * What an interruption of a node would change: by node, its VM's boots, since when it is Ready, and whether pods may
 * come.
 */
async function service({ azure, nodes }: Sandbox): Promise<Map<string, string>> {
    const { items } = await nodes.api.core.listNode();
    return new Map(
        azure.vms().map(({ nodeName, bootLog }) => {
            const node = items.find(({ metadata }) => metadata?.name === nodeName);
            const { status, lastTransitionTime } = readyCondition(node) ?? {};
            return [nodeName, JSON.stringify([bootLog.length, status, lastTransitionTime, node?.spec?.unschedulable])];
        }),
    );
}

/** Images are made of copies of the nodes' disks: says that the nodes did not notice, having looked. */
async function showThatNobodyLeft(sandbox: Sandbox, before: Map<string, string>) {
    const after = await service(sandbox);
    const changed = [...before].filter(([node, state]) => after.get(node) !== state).map(([node]) => node);
    if (changed.length > 0) {
        throw new Error(`these nodes left service: ${changed.join(", ")}`);
    }
    console.log(`  None of the ${before.size} nodes left service: a copy of the disk was cleaned, not the disk.`);
}

/** The autoscaler wants one node more; says what that node is like. */
async function scaleOut(sandbox: Sandbox, pool: ScaleSet) {
    say(`The autoscaler adds a node to ${POOLS[0]}.`);
    const before = new Set(sandbox.azure.vms(pool.id).map(({ id }) => id));
    await sandbox.azure.setCapacity(pool.id, 4);
    await sandbox.nodes.settled();
    const added = sandbox.azure.vms(pool.id).find(({ id }) => !before.has(id));
    if (!added?.joined || added.bootstrapRan) {
        throw new Error(`the new node did not join without bootstrap: ${added?.bootLog.join("; ") ?? "there is none"}`);
    }
    const level = sandbox.nodes.patchLevel(added.nodeName);
    console.log(
        `  ${added.nodeName}: patch level ${level}, joined in ${added.lastBootMilliseconds} ms without bootstrap`,
    );
    console.log(
        `  (a node from the old model bootstraps for ${durations.bootstrap} ms here, for minutes in Azure, and has old patches)`,
    );
}

async function patch(sandbox: Sandbox, pool: ScaleSet, index: number, patchLevel: string, hoursAgo: number) {
    const node = sandbox.azure.vms(pool.id)[index].nodeName;
    // The day's kernel, as Ubuntu numbers them: the later the higher.
    const kernel = `5.4.0-1${patchLevel.slice(-2)}0-azure`;
    await sandbox.nodes.patchAndReboot(node, { patchLevel, kernel, at: new Date(Date.now() - hoursAgo * HOUR) });
    console.log(`  ${node}: patched to ${patchLevel}, ${hoursAgo} hours ago`);
}

main().catch(failDemo);
