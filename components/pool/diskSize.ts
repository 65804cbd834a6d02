// Whether machines can be made from the image of a node's disk, by the disk's size: asked before anything is made.
import { readOrUndefined } from "../azure/client";
import { vmOf } from "../azure/vm";
import { UserError } from "../core/errors";
import type { Choice } from "../selection/nodeSelection";
import { poolIdOf } from "./model";
import type { Pool } from "./pool";

/**
 * Refuses a node whose OS disk is larger than the disks that new machines get. Azure would refuse each write of a model
 * that points at its image, an hour later: "The specified disk size 127 GB is smaller than the size of the
 * corresponding disk in the VM image: 255 GB".
 * Source: https://github.com/hashicorp/terraform-provider-azurerm/issues/20224
 *
 * @throws UserError in one line, also when Azure is away or refuses
 */
export async function checkDiskSize(pool: Pool, { node, instanceId, version }: Choice): Promise<void> {
    const size = diskSizeOfModel(pool);
    if (size === undefined) {
        return;
    }
    const vm = await readOrUndefined(`the VM of node ${node}`, async () =>
        (await vmOf(poolIdOf(pool.live), instanceId)).read(),
    );
    const has = vm?.storageProfile?.osDisk?.diskSizeGB ?? 0;
    if (has > size) {
        throw new UserError(
            `${pool.configKey}: no image ${version} is made of node ${node}: its OS disk has ${has} GB, and new machines get one of ${size} GB ` +
                `(osDisk.diskSizeGB of ${pool.machines ? "the AzureMachineTemplate" : "the scale set's model"}), which Azure refuses for a larger image; ` +
                `make that ${has}, or have the node passed over (ignoreNodes)`,
        );
    }
}

/** The size of the disks that new machines get, where it is said. */
export function diskSizeOfModel({ live, machines }: Pick<Pool, "live" | "machines">): number | undefined {
    const { osDisk } = machines
        ? (machines.capi.template.spec.template.spec as { osDisk?: { diskSizeGB?: number } })
        : (live.virtualMachineProfile?.storageProfile ?? {});
    return osDisk?.diskSizeGB;
}
