// Data disks of one VM: which a write attaches and detaches, and what stands in the way.
import type { Cloud } from "../cloud";
import type { Stored } from "../wire";
import { ArmError, invalidParameter } from "../http/errors";
import type { LinkedAccess } from "../rbac";
import { maxDataDisks } from "../vmSizes";
import type { DataDisk, VmRecord } from "../vmRecord";

/** A data disk of a VM's request body. */
export interface WantedDataDisk extends Omit<DataDisk, "managedDisk" | "name"> {
    name?: string;
    toBeDetached?: boolean;
    managedDisk?: { id?: string; storageAccountType?: string };
}

/**
 * Right that it takes to attach a disk or let it go: writing it (Azure Disk CSI driver, issue #403: the disk's group
 * needs a role).
 */
export function diskLinks(wanted: WantedDataDisk[]): LinkedAccess[] {
    const ids = wanted.flatMap(({ managedDisk }) => managedDisk?.id ?? []);
    return ids.map((scope) => ({ action: "Microsoft.Compute/disks/write", scope }));
}

/**
 * The VM's data disks after a write that gives this list: what is there already stays, a disk that is not in the list
 * or marked `toBeDetached` goes. Throws what the compute service answers when one cannot be attached.
 */
export function afterWrite(cloud: Cloud, vm: VmRecord, wanted: WantedDataDisk[]): DataDisk[] {
    const disks = wanted.filter(({ toBeDetached }) => !toBeDetached).map((one) => attached(cloud, vm, one));
    const twice = disks.find(({ lun }, index) => disks.findIndex((one) => one.lun === lun) !== index);
    if (twice) {
        throw invalidParameter("dataDisk.lun", `A disk at LUN ${twice.lun} already exists.`);
    }
    const limit = maxDataDisks(vm.size);
    if (disks.length > limit) {
        const message = `The maximum number of data disks allowed to be attached to a VM of this size is ${limit}.`;
        throw new ArmError(409, "OperationNotAllowed", message, { target: "dataDisks" });
    }
    return disks;
}

/** Which VM has this disk, as OS or data disk. */
export function ownerOf(cloud: Cloud, diskId: string): VmRecord | undefined {
    return diskOwners(cloud).get(diskId.toLowerCase());
}

/** The VMs that have disks, by the ids of these in lower case. */
export function diskOwners(cloud: Cloud): Map<string, VmRecord> {
    const disksOf = (vm: VmRecord) => [vm.osDiskId, ...vm.dataDisks.map(({ managedDisk }) => managedDisk.id)];
    return new Map(cloud.fleet.all().flatMap((vm) => disksOf(vm).map((id) => [id.toLowerCase(), vm] as const)));
}

function attached(cloud: Cloud, vm: VmRecord, wanted: WantedDataDisk): DataDisk {
    const id = wanted.managedDisk?.id;
    const known = vm.dataDisks.find((one) => one.managedDisk.id.toLowerCase() === id?.toLowerCase());
    if (known) {
        if (wanted.lun === known.lun) {
            return { ...known, caching: wanted.caching ?? known.caching };
        }
        throw invalidParameter("dataDisk.lun", `The LUN of data disk '${known.name}' cannot be changed.`);
    }
    if (wanted.createOption !== "Attach" || id === undefined) {
        const message =
            id === undefined
                ? "Required parameter 'dataDisk.managedDisk.id' is missing (null)."
                : `The property 'dataDisk.createOption' cannot have the value '${wanted.createOption}' when property 'dataDisk.managedDisk.id' is set.`;
        throw new ArmError(
            400,
            id === undefined ? "InvalidParameter" : "InvalidParameterConflictingProperties",
            message,
        );
    }
    const disk = cloud.disks.get(id);
    if (!disk) {
        throw new ArmError(404, "NotFound", `Disk ${id} is not found.`);
    }
    checkAttachable(cloud, vm, disk);
    const { lun, caching = "None", createOption, deleteOption = "Detach" } = wanted;
    const storageAccountType = String((disk.wire.sku as { name: string }).name);
    return {
        lun,
        name: disk.wire.name,
        caching,
        createOption,
        deleteOption,
        managedDisk: { id: disk.id, storageAccountType },
    };
}

// Texts as reported: azuredisk-csi-driver#2883 (limit), openshift-azure#83 (LUN), jenkins-infra/azure#1406 (zone).
function checkAttachable(cloud: Cloud, vm: VmRecord, disk: Stored): void {
    const owner = ownerOf(cloud, disk.id);
    if (owner) {
        const message = `Disk '${disk.wire.name}' cannot be attached as the disk is already owned by VM '${owner.id}'.`;
        throw new ArmError(409, "ConflictingUserInput", message, { target: disk.wire.name });
    }
    const start = `Disk ${disk.id} cannot be attached to the VM because it is not in`;
    if (disk.wire.location !== vm.location) {
        throw new ArmError(400, "BadRequest", `${start} the same region as the VM.`);
    }
    const zones = (disk.wire.zones as string[] | undefined) ?? [];
    const redundant = /_ZRS$/i.test(String((disk.wire.sku as { name: string }).name));
    if (redundant || (zones.length === 0 && vm.zone === undefined)) {
        return;
    }
    if (vm.zone !== undefined && zones.length === 0) {
        throw new ArmError(400, "BadRequest", `${start} zone '${vm.zone}'.`);
    }
    if (vm.zone !== zones[0]) {
        const message = `${start} the same zone as the VM. VM zone: '${vm.zone ?? ""}'. Disk zone: '${zones[0]}'.`;
        throw new ArmError(400, "BadRequest", message);
    }
}
