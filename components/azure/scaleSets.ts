// Scale sets, single VMs, and the OS disks of both, as Azure has them.
import type { ComputeManagementClient, Disk, VirtualMachine, VirtualMachineScaleSet } from "@azure/arm-compute";
import { computeClient, readOrUndefined } from "./client";
import type { PurchasePlan } from "./galleries";
import { parseArmId } from "./ids";

/**
 * The types of the extensions in a scale set's model, by extension name. azure-native's answer leaves them out: its SDK
 * folds `properties.type` and the extension's own read-only `type` into one property, and the latter, absent in a
 * model, wins.
 */
export async function extensionTypes(scaleSetId: string): Promise<Map<string, string>> {
    const found = await readModel(scaleSetId);
    const extensions = found?.virtualMachineProfile?.extensionProfile?.extensions ?? [];
    return new Map(
        extensions.map(({ name, type, typePropertiesType }) => [name ?? "", typePropertiesType ?? type ?? ""]),
    );
}

/** ARM id of the image that a scale set's model points at right now; undefined when it is none of a gallery. */
export async function imageOfModel(scaleSetId: string): Promise<string | undefined> {
    return (await readModel(scaleSetId))?.virtualMachineProfile?.storageProfile?.imageReference?.id;
}

/**
 * A scale set as it is right now; undefined when it is not there.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export function readModel(scaleSetId: string): Promise<VirtualMachineScaleSet | undefined> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    return readOrUndefined(`scale set ${names[0]}`, async () => {
        const client = await computeClient(subscriptionId);
        return await client.virtualMachineScaleSets.get(resourceGroup, names[0]);
    });
}

/** What an image made from a VM's OS disk must say of it. What Azure leaves out stays undefined. */
export interface OsDisk {
    hyperVGeneration?: string;
    architecture?: string;
    securityType?: string;
    /** Disk controllers that the disk has drivers for, as Azure lists them: `SCSI, NVMe`. */
    diskControllerTypes?: string;
    /** The disk controller of its VM, `SCSI` or `NVMe`. */
    diskControllerType?: string;
    /** ARM id of the disk encryption set that encrypts it with keys of the customer's. */
    diskEncryptionSetId?: string;
    /** By which ways it can be read from outside of the compute service. */
    access?: Pick<Disk, "networkAccessPolicy" | "publicNetworkAccess">;
    purchasePlan?: PurchasePlan;
}

// A VM may be on its way out of the set; one of the first few will do.
const VMS_TRIED = 5;

/**
 * The OS disk of one of a scale set's VMs, which are all alike; undefined when the set has no VM with a managed OS
 * disk.
 */
export async function osDiskOfPool(scaleSetId: string): Promise<OsDisk | undefined> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    const client = await computeClient(subscriptionId);
    const disk = await readOrUndefined(`the OS disk of scale set ${names[0]}`, async () => {
        let tried = 0;
        for await (const { storageProfile } of client.virtualMachineScaleSetVMs.list(resourceGroup, names[0])) {
            const id = storageProfile?.osDisk?.managedDisk?.id;
            const found = id && (await readDisk(client, id));
            if (found || ++tried === VMS_TRIED) {
                return found ? { ...found, diskControllerType: storageProfile?.diskControllerType } : undefined;
            }
        }
        return undefined;
    });
    return disk && osDiskFrom(disk);
}

function osDiskFrom(disk: Disk & { diskControllerType?: string }): OsDisk {
    return {
        hyperVGeneration: disk.hyperVGeneration,
        architecture: disk.supportedCapabilities?.architecture,
        securityType: disk.securityProfile?.securityType,
        diskControllerTypes: disk.supportedCapabilities?.diskControllerTypes,
        diskControllerType: disk.diskControllerType,
        diskEncryptionSetId: disk.encryption?.diskEncryptionSetId,
        access: { networkAccessPolicy: disk.networkAccessPolicy, publicNetworkAccess: disk.publicNetworkAccess },
        purchasePlan: disk.purchasePlan,
    };
}

/** A single VM with its OS disk. */
export interface SingleVm {
    vm: VirtualMachine;
    disk: OsDisk;
}

/**
 * One of a pool's single VMs, which are all alike, with its OS disk; undefined when none of them has a managed OS disk.
 *
 * @param poolId the pool's `machinesId`
 * @throws UserError in one line when Azure is away or refuses
 */
export async function singleVmOfPool(poolId: string, names: string[]): Promise<SingleVm | undefined> {
    const { subscriptionId, resourceGroup } = parseArmId(poolId);
    const client = await computeClient(subscriptionId);
    for (const name of names.slice(0, VMS_TRIED)) {
        const vm = await readOrUndefined(`VM ${name}`, () => client.virtualMachines.get(resourceGroup, name));
        const id = vm?.storageProfile?.osDisk?.managedDisk?.id;
        const disk = id && (await readDisk(client, id));
        if (vm && disk) {
            const diskControllerType = vm.storageProfile?.diskControllerType;
            return { vm, disk: osDiskFrom({ ...disk, diskControllerType }) };
        }
    }
    return undefined;
}

function readDisk(client: ComputeManagementClient, id: string): Promise<Disk | undefined> {
    const { resourceGroup, names } = parseArmId(id);
    return readOrUndefined(`disk ${id}`, () => client.disks.get(resourceGroup, names[0]));
}
