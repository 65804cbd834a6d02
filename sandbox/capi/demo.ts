// `make demo-capi`: a MachinePool of Cluster API on screen, with its real managers.
import { join } from "node:path";
import { Stack } from "../engine/stack";
import { attempt, failDemo, run, say } from "../narration";
import { startSandbox, type Sandbox } from "../sandbox";
import { NO_ROLLOUT, startClusterApi, type ClusterApi } from ".";

const HOUR = 3_600_000;
const POOL = "mp1";

async function main() {
    say("A local Azure, a real Kubernetes control plane, and the managers of Cluster API and CAPZ, unmodified.");
    const sandbox = await startSandbox({ quiet: false, pools: [] });
    try {
        const directory = join(sandbox.directory, "capi");
        const capi = await startClusterApi({ azure: sandbox.azure, cluster: sandbox.cluster, directory });
        try {
            await tell(sandbox, capi);
        } finally {
            await capi.stop();
        }
    } finally {
        await sandbox.stop();
    }
    say("That was all; nothing is left behind.");
}

async function tell(sandbox: Sandbox, capi: ClusterApi) {
    say(`CAPZ makes a pool of three machines, ${POOL}, from an image of the marketplace.`);
    await capi.createCluster();
    await capi.createMachinePool({ name: POOL });
    const [{ nodeName }] = capi.vms(POOL);
    await sandbox.nodes.patchAndReboot(nodeName, { at: new Date(Date.now() - 30 * HOUR) });
    console.log(
        `  ${capi
            .vms(POOL)
            .map((vm) => vm.nodeName)
            .join(", ")}; kured has rebooted ${nodeName}`,
    );
    const stack = await Stack.create({
        ...{ runDirectory: sandbox.directory, env: sandbox.env, name: "dev", show: true },
        config: { pools: [{ machinePool: `default/${POOL}` }] },
    });

    say(
        "By default CAPZ replaces all machines of a pool once its image changes, and so it is refused.",
        "pulumi preview",
    );
    if ((await attempt(sandbox, stack, "preview")) === 0) {
        throw new Error("the pool was not refused");
    }
    say("The line has the command that makes the pool keep its machines:", "kubectl patch azuremachinepool …");
    await capi.objects.patch("AzureMachinePool", POOL, { spec: { strategy: { rollingUpdate: NO_ROLLOUT } } });

    say("The bump: a new image, and the one field of the AzureMachinePool.", "pulumi preview --diff");
    await run(sandbox, stack, "preview", "--diff");
    say("And done.", "pulumi up");
    const before = capi.vms(POOL).map(({ id }) => id);
    await run(sandbox, stack, "up");
    await showNoRollout(capi, before);
    await scaleOut(sandbox, capi, before);
    say("Nothing is newer than the image now: unchanged.", "pulumi preview");
    await run(sandbox, stack, "preview");
}

/** Lets CAPZ look at the machines of the older image some times, and says that it has left them alone. */
async function showNoRollout(capi: ClusterApi, before: string[]) {
    const passes = await capi.passesWhere(POOL, capi.passes(POOL).length, 3, ({ stale }) => stale > 0);
    const now = capi.vms(POOL).map(({ id }) => id);
    if (before.some((id) => !now.includes(id))) {
        throw new Error("CAPZ has replaced machines");
    }
    console.log(
        `  CAPZ looked ${passes.length} times at ${passes[0].stale} machines of the older image, and deleted none.`,
    );
}

/** One machine more; says what it is like. */
async function scaleOut(sandbox: Sandbox, capi: ClusterApi, before: string[]) {
    say("The pool grows by a machine.", `kubectl scale machinepool ${POOL} --replicas 4`);
    await capi.scale(POOL, 4);
    const added = capi.vms(POOL).find(({ id }) => !before.includes(id));
    if (!added?.bootedClean) {
        throw new Error(`the new machine is not a node of its own: ${added?.bootLog.join("; ") ?? "there is none"}`);
    }
    const level = sandbox.nodes.patchLevel(added.nodeName);
    console.log(`  ${added.nodeName}: patch level ${level}, joined by its own cloud-init`);
}

main().catch(failDemo);
