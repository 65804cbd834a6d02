// What the tests with Cluster API's managers begin with: a sandbox, the managers, their cluster; a stack for a pool.
import { join } from "node:path";
import { startClusterApi, type ClusterApi, type ClusterApiOptions } from "../../sandbox/capi";
import type { MachinePoolOptions } from "../../sandbox/capi/manifests";
import { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";

/** A sandbox with Cluster API's managers and a cluster without pools. */
export interface Bed {
    sandbox: Sandbox;
    capi: ClusterApi;
    stop(): Promise<void>;
}

/** Starts one. */
export async function startBed(
    sandboxOptions: Parameters<typeof startSandbox>[0],
    managers: Pick<ClusterApiOptions, "featureGates" | "kubeadmBootstrap"> = {},
): Promise<Bed> {
    const sandbox = await startSandbox(sandboxOptions);
    const stops = [() => sandbox.stop()];
    const stop = async () => {
        for (const each of stops.splice(0)) {
            await each();
        }
    };
    try {
        const { azure, cluster } = sandbox;
        const capi = await startClusterApi({ azure, cluster, directory: join(sandbox.directory, "capi"), ...managers });
        stops.unshift(() => capi.stop());
        await capi.createCluster();
        return { sandbox, capi, stop };
    } catch (error) {
        await stop();
        throw error;
    }
}

/** The same with the MachinePool `default/mp1`, and a stack of the whole program for it. */
export interface MachinePoolBed extends Bed {
    stack: Stack;
}

/** Starts one. */
export async function startMachinePool(pool: Omit<MachinePoolOptions, "name">): Promise<MachinePoolBed> {
    const bed = await startBed({ pools: [] });
    try {
        await bed.capi.createMachinePool({ name: "mp1", ...pool });
        return { ...bed, stack: await machinePoolStack(bed.sandbox) };
    } catch (error) {
        await bed.stop();
        throw error;
    }
}

/** Gives the MachinePool's first node a past: patched and rebooted on Monday. */
export async function rebootFirst({ sandbox, capi }: Bed): Promise<void> {
    const [{ nodeName }] = capi.vms("mp1");
    await sandbox.nodes.patchAndReboot(nodeName, { at: new Date("2026-11-16T04:12:00Z"), utcOffsetMinutes: 0 });
}

/** A stack of the whole program for the pool `default/mp1`. */
export function machinePoolStack(sandbox: Sandbox): Promise<Stack> {
    return machinesStack(sandbox, { machinePool: "default/mp1" });
}

/** A stack of the whole program for one pool, whose disks are captured by a copy. */
export function machinesStack({ directory, env }: Sandbox, pool: ConfigObject): Promise<Stack> {
    return Stack.create({
        ...{ runDirectory: directory, env, name: "test" },
        config: { pools: [pool], minimumReadyTime: "0s" },
    });
}

/** What Events on a pool's object say of its image, the earliest first. */
export async function imageEvents({ sandbox }: Bed, kind: string, name: string): Promise<string[]> {
    const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${name},reason=ImageChanged`;
    const { items } = await sandbox.nodes.api.core.listNamespacedEvent({ namespace: "default", fieldSelector });
    const sorted = items.sort((a, b) => Number(a.firstTimestamp) - Number(b.firstTimestamp));
    return sorted.map(({ message = "" }) => message);
}

/** One entry of `pools`. */
type ConfigObject = Record<string, string>;
