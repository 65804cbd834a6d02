// How many images a scale set's machines use: Azure adds no machine to a scale set whose VMs refer to too many models.
// Pure.
import { recordOfImage } from "../../policies/contract";
import { versionIn } from "../azure/ids";
import type { Machine } from "../azure/machines";
import { momentOf, sameVersion } from "../core/version";

/**
 * A scale set in Uniform orchestration whose VMs refer to this many models takes no VM of a further one. A model that
 * no VM refers to does not count. Azure does not document it.
 * Sources: kubernetes-sigs/cluster-api-provider-azure#4958, MicrosoftDocs/azure-docs#103472 (Uniform alone),
 * microsoft/onefuzz#2318
 */
export const MODEL_LIMIT = 10;

/**
 * From this many images in use on no new one is taken, which would bring one more into use. Models differ in other
 * things than their image as well, and which model a VM refers to Azure does not say: so one of the ten is kept in
 * reserve.
 */
const HELD_FROM = MODEL_LIMIT - 1;

/** From this many on a warning says so, while there is time. */
const WARNED_FROM = 7;

/** An image that machines of a scale set were made from. */
export interface ImageInUse {
    /** The version, where it is one of the pool's definition. */
    version?: string;
    /** Names of its machines, the oldest first. */
    machines: string[];
}

/**
 * The images that a scale set's machines were made from, the oldest first: by the moment that names a version, and of
 * any other image by its first machine. They are at most as many as the models in use.
 */
export function imagesInUse(machines: Machine[], imageDefinitionId: string): ImageInUse[] {
    const ordered = [...machines].sort((a, b) => time(a.madeAt) - time(b.madeAt) || (a.name < b.name ? -1 : 1));
    const images = [...new Set(ordered.map(imageKey))].map((image) => {
        const made = ordered.filter((machine) => imageKey(machine) === image);
        const version = versionIn(made[0].image.id, imageDefinitionId);
        const since = time(momentOf(version ?? "") ?? made[0].madeAt);
        return { since, inUse: { version, machines: made.map(({ name }) => name) } };
    });
    return images.sort((a, b) => a.since - b.since).map(({ inUse }) => inUse);
}

function time(moment: Date | undefined): number {
    return moment?.getTime() ?? 0;
}

/** What tells one image from another. One that is said to be the latest is one, whichever version that was. */
function imageKey({ image }: Machine): string {
    return recordOfImage(image).image.toLowerCase();
}

/** Whether new machines made from this version could be too many models. Never of an image that is in use already. */
export function isHeld(version: string, inUse: ImageInUse[]): boolean {
    return inUse.length >= HELD_FROM && !inUse.some((each) => sameVersion(each.version ?? "", version));
}

/** Whether the images in use are near the limit. */
export function isNearLimit(inUse: ImageInUse[]): boolean {
    return inUse.length >= WARNED_FROM;
}

/** How many machines are named. */
const NAMED = 3;

/** How many images are in use, what Azure does about it, and what a person should do and should not. */
export function modelsText(inUse: ImageInUse[]): string {
    // As many as have to go before a new one fits.
    const tooMany = Math.max(1, inUse.length - HELD_FROM + 1);
    const machines = inUse.slice(0, tooMany).flatMap((each) => each.machines);
    const more = machines.length > NAMED ? ` and ${machines.length - NAMED} more` : "";
    const which = tooMany === 1 ? "the oldest image" : `the ${tooMany} oldest images`;
    return (
        `the scale set's machines use ${inUse.length} images, and once they refer to ${MODEL_LIMIT} models Azure adds none of a further one: drain and ` +
        `delete the nodes on ${which} (${machines.slice(0, NAMED).join(", ")}${more}), and the autoscaler replaces them; do not press Upgrade, which ` +
        "may reimage nodes that run pods"
    );
}
