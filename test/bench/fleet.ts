// A fleet of pools in one stack, whose machines are in the local Azure and whose nodes are objects alone.
import type { V1NodeCondition } from "@kubernetes/client-node";
import type { Stack } from "../../sandbox/engine/stack";
import { PLAYED_LABEL } from "../../sandbox/cluster/programs";
import { nodeOf } from "../../sandbox/nodes/nodeObject";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { poolStack } from "../stack/support/pools";
import { busyNode, createInertNodes } from "./inertNodes";

/** A stack of many pools that has adopted all of them, and of which nothing is new. */
export interface Fleet {
    sandbox: Sandbox;
    stack: Stack;
    pools: number;
    nodesPerPool: number;
}

/** Makes one. The caller stops its sandbox. */
export async function makeFleet(pools: number, nodesPerPool: number): Promise<Fleet> {
    // Pods of DaemonSets would be made for each node.
    const sandbox = await startSandbox({ kured: false, diskDriver: false, silentNodes: true });
    try {
        await sandbox.nodes.stop();
        const names = Array.from({ length: pools }, (_, index) => `p${String(index + 1).padStart(2, "0")}`);
        for (const name of names) {
            await sandbox.azure.createScaleSet({ name, capacity: nodesPerPool });
        }
        await createInertNodes(sandbox.cluster, nodesOf(sandbox));
        const stack = await poolStack(sandbox, names);
        (await stack.up("--skip-preview")).orFail();
        (await stack.up("--skip-preview")).orFail();
        return { sandbox, stack, pools, nodesPerPool };
    } catch (error) {
        await sandbox.stop();
        throw error;
    }
}

/** The nodes of all machines: Ready, and none of them rebooted for patches, so that no image is taken. */
function nodesOf({ azure }: Sandbox) {
    const now = new Date();
    const ready: V1NodeCondition = {
        ...{ type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
        ...{ lastHeartbeatTime: now, lastTransitionTime: now },
    };
    return azure.vms().map((vm) => {
        const node = nodeOf(vm, 0);
        const { [PLAYED_LABEL]: _, ...labels } = node.metadata?.labels ?? {};
        const metadata = { ...node.metadata, labels };
        return busyNode({ ...node, metadata, status: { ...node.status, conditions: [ready] } }, false);
    });
}
