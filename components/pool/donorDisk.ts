// Whether machines can be made from the image of a node's disk, by what the disk is like: asked before anything is
// made.
import { readOrUndefined } from "../azure/client";
import { osDiskById } from "../azure/osDisks";
import { vmOf } from "../azure/vm";
import { UserError } from "../core/errors";
import type { Choice } from "../selection/nodeSelection";
import { donorMismatch } from "./gallery";
import { poolIdOf } from "./model";
import type { Pool } from "./pool";
import { ENCRYPTED_INSIDE } from "./refusals";

/**
 * Refuses a node whose OS disk makes no image for new machines. Azure would refuse it an hour later: the image, where
 * the disk is of another kind than the definition, and each write of a model that points at the image, where the disk
 * is larger than the disks that new machines get: "The specified disk size 127 GB is smaller than the size of the
 * corresponding disk in the VM image: 255 GB". Of a disk that is encrypted from within its VM no other one starts; the
 * extension that did it may have left the model, and single VMs have it by themselves.
 * Sources: https://github.com/MicrosoftDocs/azure-docs/issues/118774,
 * https://github.com/hashicorp/terraform-provider-azurerm/issues/20224
 *
 * @throws UserError in one line, also when Azure is away or refuses
 */
export async function checkDonorDisk(pool: Pool, { node, instanceId, version }: Choice): Promise<void> {
    const vm = await readOrUndefined(`the VM of node ${node}`, async () =>
        (await vmOf(poolIdOf(pool.live), instanceId)).read(),
    );
    const { diskSizeGB: has = 0, managedDisk } = vm?.storageProfile?.osDisk ?? {};
    const refused = `${pool.configKey}: no image ${version} is made of node ${node}`;
    const size = diskSizeOfModel(pool);
    if (size !== undefined && has > size) {
        throw new UserError(
            `${refused}: its OS disk has ${has} GB, and new machines get one of ${size} GB ` +
                `(osDisk.diskSizeGB of ${pool.machines ? "the AzureMachineTemplate" : "the scale set's model"}), which Azure refuses for a larger image; ` +
                `make that ${has}, or have the node passed over (ignoreNodes)`,
        );
    }
    const disk = managedDisk?.id === undefined ? undefined : await osDiskById(managedDisk.id);
    if (disk?.isEncryptedInside) {
        throw new UserError(`${refused}: ${ENCRYPTED_INSIDE}, or have the node passed over (ignoreNodes)`);
    }
    const difference = disk && donorMismatch(disk, pool.definition);
    if (difference) {
        throw new UserError(
            `${refused}: ${difference}: the pool's nodes were made from different models; have this one passed over (ignoreNodes), or replace ` +
                "those that are unlike the nodes that the model makes now",
        );
    }
}

/** The size of the disks that new machines get, where it is said. */
function diskSizeOfModel({ live, machines }: Pick<Pool, "live" | "machines">): number | undefined {
    const { osDisk } = machines
        ? (machines.capi.template.spec.template.spec as { osDisk?: { diskSizeGB?: number } })
        : (live.virtualMachineProfile?.storageProfile ?? {});
    return osDisk?.diskSizeGB;
}
