// Reads how a stack's pools stand: from its outputs, Azure and the cluster. Changes nothing.
import type { V1Node } from "@kubernetes/client-node";
import { recordOf, type ModelRecord } from "../../policies/contract";
import { collect, computeClient, readOrUndefined } from "../../components/azure/client";
import { parseArmId } from "../../components/azure/ids";
import { readImages, type GalleryVersion } from "../../components/azure/imageVersions";
import { readMachines, type Machine } from "../../components/azure/machines";
import { isOwned } from "../../components/azure/tags";
import { UserError } from "../../components/core/errors";
import { listedNodeOf } from "../../components/node/nodeList";
import { byInstance } from "../../components/node/providerId";
import { withNode, type MachineAndNode } from "../../components/selection/proof";
import { detailsOf } from "../../components/selection/readNodes";
import { unfinishedCapture, type UnfinishedCapture } from "../../components/selection/unfinished";

/** One pool in the stack's outputs. */
export interface PoolOutput {
    scaleSetId: string;
    version: string;
    versions: string[];
    explanation: string;
    model?: ModelRecord;
}

/** How a pool stands. */
export interface PoolFacts {
    name: string;
    output: PoolOutput;
    /** The image of its model now, as in `ModelRecord`. */
    image: string;
    /** ARM id of its image definition, which the stack has written last; empty while there is none. */
    definition: string;
    /** The definition's versions. */
    gallery: GalleryVersion[];
    /** Its machines by the image that each was made from. */
    machines: Map<string, MachineAndNode[]>;
    /** Captures that have not ended. */
    unfinished: UnfinishedCapture[];
    /** Names of disks and snapshots that captures have left. */
    leftovers: string[];
}

/**
 * @param nodes all nodes of the cluster
 * @throws UserError in one line
 */
export async function readPool(name: string, output: PoolOutput, nodes: V1Node[], now: Date): Promise<PoolFacts> {
    const { subscriptionId, resourceGroup, names } = parseArmId(output.scaleSetId);
    const client = await computeClient(subscriptionId);
    const live = await readOrUndefined(`scale set ${names[0]}`, () =>
        client.virtualMachineScaleSets.get(resourceGroup, names[0]),
    );
    if (!live) {
        throw new UserError(`${name}: there is no scale set ${output.scaleSetId}`);
    }
    const { image } = recordOf(live);
    const definition = definitionOf(output.model?.image ?? "") ?? definitionOf(image) ?? "";
    const own = byInstance(nodes, ({ spec }) => spec?.providerID, output.scaleSetId);
    const [machines, gallery, leftovers] = await Promise.all([
        readMachines(output.scaleSetId),
        definition === "" ? [] : readImages(definition),
        readLeftovers(name, output.scaleSetId),
    ]);
    return {
        ...{ name, output, image, definition, gallery, leftovers },
        machines: machinesByImage(machines, own),
        unfinished: [...own.values()].flatMap((node) => unfinishedCapture(listedNodeOf(node), now) ?? []),
    };
}

/** ARM id of the image definition of a gallery image version; undefined for any other image. */
function definitionOf(image: string): string | undefined {
    return /^(\/subscriptions\/.+\/galleries\/[^/]+\/images\/[^/]+)\/versions\/[^/]+$/i.exec(image)?.[1];
}

function machinesByImage(machines: Machine[], nodes: Map<string, V1Node>): Map<string, MachineAndNode[]> {
    const byImage = new Map<string, MachineAndNode[]>();
    for (const machine of machines) {
        const node = nodes.get(machine.instanceId);
        const storageProfile = { imageReference: machine.image };
        const image = recordOf({ virtualMachineProfile: { storageProfile } }).image.toLowerCase();
        const found = withNode(machine, node && detailsOf(node), node?.metadata?.name);
        byImage.set(image, [...(byImage.get(image) ?? []), found]);
    }
    return byImage;
}

/** Disks and snapshots of captures of the pool, by their tags: of one that is under way, or that was interrupted. */
async function readLeftovers(pool: string, scaleSetId: string): Promise<string[]> {
    const { subscriptionId, resourceGroup } = parseArmId(scaleSetId);
    const { disks, snapshots } = await computeClient(subscriptionId);
    const kinds = [
        { what: "disk", list: () => disks.listByResourceGroup(resourceGroup) },
        { what: "snapshot", list: () => snapshots.listByResourceGroup(resourceGroup) },
    ];
    const found = kinds.map(async ({ what, list }) => {
        const all = (await readOrUndefined(`the ${what}s of ${resourceGroup}`, () => collect<Tagged>(list()))) ?? [];
        const own = all.filter(({ tags }) => isOwned(tags) && tags?.pool === pool);
        return own.map(({ name }) => `${what} ${name ?? ""}`);
    });
    return (await Promise.all(found)).flat();
}

interface Tagged {
    name?: string;
    tags?: Record<string, string>;
}
