// What must hold before a disk is captured: of the node, and of the VM that it says it is.
import type { V1Node } from "@kubernetes/client-node";
import type { Vm, VmFacts } from "../azure/vm";
import { describePool, flexibleScaleSetIn, singleVmsIn } from "../core/machinesId";
import { UserError } from "../core/errors";
import { info } from "../engine/progress";
import type { Kubernetes } from "../node/kubernetes";
import { REBOOT_IN_PROGRESS } from "../node/kured";
import { isReady, readNode } from "../node/node";
import { canSpare, isBeingRebooted, listWholeNodes, listedNodeOf, type MinimumNodes } from "../node/nodeList";
import { instanceOf } from "../node/providerId";
import { isSameMachine } from "./identity";
import type { Target } from "./names";
import { restoreAbandoned, watchNode } from "./recover";

/** For how long the capture of another run is waited for that is at work. */
const OTHER_CAPTURE_LIMIT = 4 * 60_000;

/** The node, which a capture cannot do without. @throws UserError when it has gone */
export async function readTarget(cluster: Kubernetes, { node }: Target): Promise<V1Node> {
    const found = await readNode(cluster, node);
    if (!found) {
        throw new UserError("the cluster has no node of this name any more; preview again");
    }
    return found;
}

/** Restores the node from what an interrupted capture has left on it, if anything. */
export async function recoverTarget(cluster: Kubernetes, target: Target, say: (doing: string) => void): Promise<void> {
    const capture = await watchNode(() => readTarget(cluster, target), say, OTHER_CAPTURE_LIMIT);
    if (capture.fate === "working") {
        throw new UserError("another run is capturing this node; wait until it has finished");
    }
    if (capture.fate !== "dead") {
        return;
    }
    const { node, journal } = capture.found;
    // A whole snapshot of this very capture can still be used.
    await restoreAbandoned(cluster, node, journal, journal.version === target.version);
    await info(`${target.pool}: node ${target.node} is back in service after a capture that was interrupted`);
}

/**
 * What must hold of the VM. The node's name says nothing about it: kubelet can be given another one
 * (`--hostname-override`).
 *
 * @returns where its OS disk is
 */
export function checkMachine(
    { scaleSetId, instanceId }: Target,
    found: V1Node,
    machine?: VmFacts,
): { id: string; location: string } {
    const [vm, all] =
        singleVmsIn(scaleSetId) === undefined ? ["instance", "the scale set"] : ["VM", "the resource group"];
    if (instanceOf(found.spec?.providerID ?? "", scaleSetId)?.toLowerCase() !== instanceId.toLowerCase()) {
        throw new UserError(
            `it is not ${vm} ${instanceId} of ${all}, but ${JSON.stringify(found.spec?.providerID ?? "unknown")}; preview again`,
        );
    }
    if (!machine) {
        throw new UserError(`${all} has no ${vm} ${instanceId} any more; preview again`);
    }
    const { systemUUID = "" } = found.status?.nodeInfo ?? {};
    if (systemUUID !== "" && machine.vmId && !isSameMachine(systemUUID, machine.vmId)) {
        throw new UserError(
            `${vm} ${instanceId} is the machine ${machine.vmId}, and kubelet runs on ${JSON.stringify(systemUUID.slice(0, 40))}: the node is of ` +
                "another machine that had this place; preview again",
        );
    }
    const scaleSet = flexibleScaleSetIn(scaleSetId);
    if (scaleSet !== undefined && machine.virtualMachineScaleSet?.id?.toLowerCase() !== scaleSet.toLowerCase()) {
        throw new UserError(`VM ${instanceId} does not belong to ${describePool(scaleSetId)} any more; preview again`);
    }
    const disk = machine.storageProfile?.osDisk;
    const id = disk?.managedDisk?.id;
    if (disk?.diffDiskSettings?.option || !id) {
        throw new UserError("its OS disk is ephemeral or unmanaged, and Azure cannot copy those");
    }
    return { id, location: machine.location };
}

/**
 * Looks whether the node works and is left alone by kured, as it must be in either way of capturing.
 *
 * @returns the node as it is now
 * @throws UserError in one line when it does not
 */
export async function lookAt(cluster: Kubernetes, target: Target, vm: Vm): Promise<V1Node> {
    const found = await readTarget(cluster, target);
    const power = await vm.power();
    const reason = [
        [found.metadata?.annotations?.[REBOOT_IN_PROGRESS] !== undefined, "kured is about to reboot it"],
        [!isReady(found), "it is not Ready"],
        [power !== "running", `its VM is ${power}`],
    ].find(([holds]) => holds)?.[1];
    if (reason) {
        throw new UserError(`${reason as string}; nothing was changed, preview again`);
    }
    return found;
}

/**
 * Looks whether the pool can do without the node at this moment, by all nodes of the cluster as they are now: a preview
 * has looked as well, but hours may lie between the two.
 *
 * @param minimum setting `minimumReadyNodes`
 * @throws UserError in one line with the numbers when the node cannot be spared
 */
export async function checkSpare(
    cluster: Pick<Kubernetes, "config" | "server">,
    { node, scaleSetId }: Pick<Target, "node" | "scaleSetId">,
    minimum?: MinimumNodes,
): Promise<void> {
    const all = (await listWholeNodes(cluster)).map((node) => ({
        ...listedNodeOf(node),
        providerID: node.spec?.providerID,
    }));
    const ofPool = all.filter(({ providerID }) => instanceOf(providerID ?? "", scaleSetId) !== undefined);
    const rebooting = all.filter(isBeingRebooted).map(({ name }) => name);
    const { spare, others, inService, needed, rebooting: other } = canSpare(ofPool, node, rebooting, minimum);
    if (!spare) {
        const why =
            other === undefined
                ? `${inService} of the pool's ${others} other nodes are in service, and ${needed} must be (kamino:minimumReadyNodes)`
                : `kured is rebooting node ${other}`;
        throw new UserError(`${why}; nothing was changed, preview again`);
    }
}
