// Reads what the management cluster says of a pool that Cluster API has, as a preview does.
import type { ModelRecord } from "../../policies/contract";
import { clusterOf, otherClusterRefusals } from "../../components/capi/clusters";
import { kubernetesVersionOf, readMachinePool } from "../../components/capi/machinePool";
import { machinesRefusal, textOf, unsettledMachines } from "../../components/capi/machineRefusals";
import { kubernetesVersionOfMachines, readMachines, vmsOf, type MachineVm } from "../../components/capi/machines";
import { capiRefusal, nameOf, unsettled } from "../../components/capi/refusals";
import type { PoolSettings } from "../../components/config/load";
import { oneLine } from "../../components/core/errors";
import type { KubernetesSettings } from "../../components/node/kubernetes";
import { recordOfMachinePool } from "../../components/pool/machinePool";
import { recordOfMachines } from "../../components/pool/machines";

/** How such a pool stands. */
export interface CapiFacts {
    /** Why a run would stop over it. */
    refusal?: string;
    /** What a write of its image would wait for; left out for a pool at rest. */
    waitsFor?: string;
    /** The kubelet that its machines are to have. */
    kubelet?: string;
}

/** What was read of one, with what new machines start from. */
export interface CapiRead {
    facts: CapiFacts;
    live: ModelRecord;
    /** Which VMs are its own, where they are single ones. */
    singleVms?: MachineVm[];
}

/** Where the pools are configured, to begin messages with: which of them it is the message says itself. */
const CONFIG_KEY = "kamino:pools";

/**
 * What the management cluster says of a pool; undefined of any other pool. Of a MachinePool that cannot be read it is
 * the reason, since its scale set tells the image as well. Without its machines nothing is known of a MachineDeployment
 * or MachineSet.
 *
 * @param kubernetes how to reach the management cluster
 * @param workloadCluster the Cluster whose nodes are read, where the configuration names it
 * @throws UserError in one line for a MachineDeployment or MachineSet that cannot be read
 */
export async function readCapi(
    settings: PoolSettings | undefined,
    kubernetes: KubernetesSettings,
    workloadCluster?: KubernetesSettings["workloadCluster"],
): Promise<CapiRead | { unknown: string } | undefined> {
    const { machinePool, machines } = settings ?? {};
    if (machines) {
        const capi = await readMachines({ ...machines, kubernetes }, CONFIG_KEY);
        const facts = {
            refusal: otherCluster(textOf(capi), capi.owner, workloadCluster) ?? machinesRefusal(capi, CONFIG_KEY),
            waitsFor: unsettledMachines(capi),
            kubelet: kubernetesVersionOfMachines(capi),
        };
        return { facts, live: recordOfMachines(capi), singleVms: vmsOf(capi) };
    }
    if (!machinePool) {
        return undefined;
    }
    try {
        const capi = await readMachinePool(kubernetes, machinePool, CONFIG_KEY);
        const text = `MachinePool ${nameOf(capi.machinePool)}`;
        const facts = {
            refusal: otherCluster(text, capi.machinePool, workloadCluster) ?? capiRefusal(capi, CONFIG_KEY),
            waitsFor: unsettled(capi),
            kubelet: kubernetesVersionOf(capi),
        };
        return { facts, live: recordOfMachinePool(capi) };
    } catch (error) {
        return { unknown: `what the management cluster says of the pool is not known: ${oneLine(error)}` };
    }
}

function otherCluster(
    text: string,
    owner: Parameters<typeof clusterOf>[0],
    workloadCluster: KubernetesSettings["workloadCluster"],
): string | undefined {
    return otherClusterRefusals([{ configKey: CONFIG_KEY, text, cluster: clusterOf(owner) }], workloadCluster)[0];
}
