// A pool whose VMs Cluster API makes one by one: which image it says, who set it, and what one of its VMs is like.
import type { VirtualMachine } from "@azure/arm-compute";
import { recordOfImage, type ModelRecord } from "../../policies/contract";
import { singleVmOfPool, type OsDisk } from "../azure/osDisks";
import { parseArmId } from "../azure/ids";
import { imageReferenceOf } from "../capi/image";
import { readMachines, vmsOf, type CapiMachines, type MachinesAt } from "../capi/machines";
import { machinesRefusal, textOf } from "../capi/machineRefusals";
import type { PoolSettings } from "../config/load";
import { UserError } from "../core/errors";
import { machinesId, type MachinesName } from "../core/machinesId";
import type { KubernetesSettings } from "../node/kubernetes";
import { authorOf, type Author } from "./machinePool";
import type { PoolModel } from "./model";

/** What the management cluster says of a pool. */
export interface MachinesFacts {
    capi: CapiMachines;
    /** Where it is. */
    at: MachinesAt;
}

/**
 * What the management cluster says of a MachineDeployment or MachineSet.
 *
 * @param kubernetes how to reach the management cluster
 * @throws UserError in one line
 */
export async function readMachinesFacts(
    name: MachinesName,
    kubernetes: KubernetesSettings,
    configKey: string,
): Promise<MachinesFacts> {
    const at: MachinesAt = { ...name, kubernetes };
    return { capi: await readMachines(at, configKey), at };
}

/**
 * Refuses a MachineDeployment or MachineSet that must not be changed.
 *
 * @returns the pool's settings with where its VMs are, as one of them says
 * @throws UserError in one line
 */
export function locateMachines(settings: PoolSettings, { capi, at }: MachinesFacts, configKey: string): PoolSettings {
    const reason = machinesRefusal(capi, configKey);
    if (reason) {
        throw new UserError(reason);
    }
    const [vm] = vmsOf(capi);
    if (!vm) {
        throw new UserError(noMachine(capi, configKey));
    }
    const { subscriptionId, resourceGroup } = parseArmId(vm.vmId);
    return { ...settings, scaleSet: { ...settings.scaleSet, subscriptionId, resourceGroup, name: at.name } };
}

function noMachine(capi: CapiMachines, configKey: string): string {
    return (
        `${configKey}: ${textOf(capi)} has no machine with a VM yet, so where its images go and what they must match is not known; ` +
        "scale it to at least one machine, or take it out of kamino:pools"
    );
}

/**
 * What a pool's VMs are like: one of them says it, but for its data disks, among which are the persistent volumes of
 * its pods. Those of the template are every machine's.
 *
 * @throws UserError in one line when it has no VM with a managed disk, or Azure is away or refuses
 */
export async function modelOfMachines(
    { capi, at }: MachinesFacts,
    { subscriptionId, resourceGroup }: { subscriptionId: string; resourceGroup: string },
    configKey: string,
): Promise<{ live: PoolModel; disk: OsDisk }> {
    const id = machinesId({ subscriptionId, resourceGroup, ...at });
    const names = vmsOf(capi).map(({ name }) => name);
    const found = await singleVmOfPool(id, names);
    if (!found) {
        throw new UserError(noMachine(capi, configKey));
    }
    const { vm, disk } = found;
    // A namespace has no dot: two pools of one group never have the same name.
    return { live: { id, name: `${at.namespace}.${at.name}`, location: vm.location, ...asModel(vm, capi) }, disk };
}

/** A VM has the same properties as a scale set's model, but for the types that the two SDKs give them. */
function asModel(vm: VirtualMachine, capi: CapiMachines) {
    const { osProfile, securityProfile, storageProfile, resources, plan } = vm;
    const { additionalCapabilities, extendedLocation } = vm;
    const extensions = resources?.map(({ name, publisher, typePropertiesType }) => ({
        ...{ name, publisher },
        type: typePropertiesType,
    }));
    const { dataDisks } = capi.template.spec.template.spec;
    return {
        ...{ plan, additionalCapabilities, extendedLocation },
        virtualMachineProfile: {
            ...{ osProfile, securityProfile },
            storageProfile: { ...storageProfile, dataDisks },
            extensionProfile: { extensions },
        },
    } as unknown as Pick<PoolModel, "plan" | "virtualMachineProfile">;
}

/** The record of what new machines start from: the template's image alone. All else of a machine is its owner's. */
export function recordOfMachines({ template }: CapiMachines): ModelRecord {
    return recordOfImage(imageReferenceOf(template.spec.template.spec.image));
}

/** Who pointed the machines at their template last: the name by which that program writes, and when. */
export function authorOfTemplate({ owner }: CapiMachines): Author {
    return authorOf(owner, ["f:spec", "f:template", "f:spec", "f:infrastructureRef"]);
}
