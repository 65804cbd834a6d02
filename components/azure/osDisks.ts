// The OS disks of a pool's VMs, of a scale set's or of single ones.
import type {
    ComputeManagementClient,
    Disk,
    PagedAsyncIterableIterator,
    VirtualMachine,
    VirtualMachineScaleSetVM,
} from "@azure/arm-compute";
import { computeClient, readOrUndefined, shared } from "./client";
import { isNameOfVm, listVms } from "./flexible";
import type { PurchasePlan } from "./galleries";
import { flexibleScaleSetIn, singleVmsIn } from "../core/machinesId";
import { oncePer } from "../core/once";
import { parseArmId } from "./ids";
import { isOwned } from "./tags";

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
    /** Whether Azure Disk Encryption has encrypted it from within its VM. */
    isEncryptedInside?: boolean;
    /** By which ways it can be read from outside of the compute service. */
    access?: Pick<Disk, "networkAccessPolicy" | "publicNetworkAccess">;
    purchasePlan?: PurchasePlan;
}

/**
 * The OS disk of one of a scale set's VMs, which are all alike as a rule; undefined when the set has no VM with a
 * managed OS disk. The disks of a resource group are listed once for all its pools, as far as they are looked at. What
 * the first pages do not show, the VMs are asked for.
 *
 * @param poolId ARM id of the scale set, or the pool's id where it is a Flexible one
 */
export async function osDiskOfPool(poolId: string): Promise<OsDisk | undefined> {
    const { names, ...group } = parseArmId(poolId);
    const disk = await readOrUndefined(`the OS disk of scale set ${names[0]}`, async () => {
        const { list } = await disksIn(group);
        for await (const each of list) {
            if (isOsDiskOf(poolId, each)) {
                return each;
            }
        }
        return (await firstVm(poolId))?.disk;
    });
    return disk && osDiskFrom(disk);
}

/**
 * The disk controller of one of a scale set's VMs, where Azure tells: `SCSI` or `NVMe`.
 *
 * @param poolId ARM id of the scale set, or the pool's id where it is a Flexible one
 * @throws UserError in one line when Azure is away or refuses
 */
export async function diskControllerOfPool(poolId: string): Promise<string | undefined> {
    const { names } = parseArmId(poolId);
    const vm = await readOrUndefined(`the VMs of scale set ${names[0]}`, () => firstVm(poolId));
    return vm?.diskControllerType;
}

/**
 * Whether a disk is the OS disk of one of the scale set's VMs: attached to it and made with it from its image. A copy
 * of an OS disk that is attached to be looked into (a capture does so) says of which system it is as well, but not that
 * it was made from an image.
 * Source: https://learn.microsoft.com/rest/api/compute/disks/list-by-resource-group, `managedBy`, `osType` and
 * `creationData.createOption`
 */
function isOsDiskOf(poolId: string, { managedBy = "", osType, creationData, tags }: Disk): boolean {
    const ofVms = singleVmsIn(poolId) ?? `${poolId}/virtualMachines/`;
    const isAttached =
        managedBy.toLowerCase().startsWith(ofVms.toLowerCase()) &&
        // Which Flexible set its VM belongs to a disk does not say; the VM's name is enough for what VMs are like.
        (flexibleScaleSetIn(poolId) === undefined ||
            isNameOfVm(managedBy.slice(ofVms.length), parseArmId(poolId).names[0]));
    return isAttached && osType !== undefined && creationData?.createOption === "FromImage" && !isOwned(tags);
}

interface Group {
    subscriptionId: string;
    resourceGroup: string;
}

/**
 * How much of a list of disks is read, by pages one after the other, before each pool is asked for one of its VMs: by
 * then that takes no more requests, and they are side by side. A page had 50 disks in a report of 2018
 * (https://github.com/Azure/migAz/issues/196); Azure does not document it.
 */
const PAGES_READ = 4;

/** The first disks of a resource group: those of its scale sets' VMs are among them. */
const disksIn = oncePer(
    ({ subscriptionId, resourceGroup }: Group) => `${subscriptionId}/${resourceGroup}`.toLowerCase(),
    async ({ subscriptionId, resourceGroup }): Promise<{ list: AsyncIterable<Disk> }> => {
        const { disks } = await computeClient(subscriptionId);
        return { list: shared(firstOf(disks.listByResourceGroup(resourceGroup))) };
    },
);

async function* firstOf(list: PagedAsyncIterableIterator<Disk>): AsyncGenerator<Disk> {
    let pages = 0;
    for await (const page of list.byPage()) {
        yield* page;
        if (++pages === PAGES_READ) {
            return;
        }
    }
}

// A VM may be on its way out of the set; one of the first few will do.
const VMS_TRIED = 5;

/** A scale set's first VM that has a managed OS disk, with that disk. */
async function firstVm(poolId: string): Promise<{ disk: Disk; diskControllerType?: string } | undefined> {
    const { subscriptionId, resourceGroup, names } = parseArmId(poolId);
    const client = await computeClient(subscriptionId);
    const flexible = flexibleScaleSetIn(poolId);
    const vms: AsyncIterable<VirtualMachine | VirtualMachineScaleSetVM> =
        flexible === undefined
            ? client.virtualMachineScaleSetVMs.list(resourceGroup, names[0])
            : await listVms(flexible);
    let tried = 0;
    for await (const { name = "", storageProfile } of vms) {
        if (flexible !== undefined && !isNameOfVm(name, names[0])) {
            continue;
        }
        const id = storageProfile?.osDisk?.managedDisk?.id;
        const disk = id && (await readDisk(client, id));
        if (disk) {
            return { disk, diskControllerType: storageProfile?.diskControllerType };
        }
        if (++tried === VMS_TRIED) {
            return undefined;
        }
    }
    return undefined;
}

/**
 * What an image made from an OS disk must say of it; undefined when it is not there.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function osDiskById(id: string): Promise<OsDisk | undefined> {
    const disk = await readDisk(await computeClient(parseArmId(id).subscriptionId), id);
    return disk && osDiskFrom(disk);
}

/**
 * Whether Azure Disk Encryption has encrypted a disk from within its VM, with or without the extension in the model.
 * Source: https://learn.microsoft.com/rest/api/compute/disks/get, `encryptionSettingsCollection`
 */
export function isEncryptedInside({ encryptionSettingsCollection }: Disk): boolean {
    return encryptionSettingsCollection?.enabled === true;
}

function osDiskFrom(disk: Disk & { diskControllerType?: string }): OsDisk {
    return {
        hyperVGeneration: disk.hyperVGeneration,
        architecture: disk.supportedCapabilities?.architecture,
        securityType: disk.securityProfile?.securityType,
        diskControllerTypes: disk.supportedCapabilities?.diskControllerTypes,
        diskControllerType: disk.diskControllerType,
        diskEncryptionSetId: disk.encryption?.diskEncryptionSetId,
        ...(isEncryptedInside(disk) && { isEncryptedInside: true }),
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
