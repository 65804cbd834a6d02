// Ids of Azure resources: the one place that builds them and takes them apart. Pure.
import { UserError } from "../core/errors";

/**
 * The name of a resource group: at most 90 letters, digits and marks of any script, with - _ . ( ), and no dot at its
 * end.
 * Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules (Azure states it as
 * ^[-\w\._\(\)]+$ of .NET, in which \w are these classes of Unicode).
 */
export const RESOURCE_GROUP_NAME = /^[\p{L}\p{Mn}\p{Nd}\p{Pc}().-]{0,89}[\p{L}\p{Mn}\p{Nd}\p{Pc}()-]$/u;

const SCALE_SET_NAME = /^[\w.-]{1,64}$/;

/** Whether Azure takes this as a scale set's name. */
export function isScaleSetName(text: string): boolean {
    return SCALE_SET_NAME.test(text);
}

/** A gallery's name, or what begins as its ARM id does. */
export const GALLERY_NAME_OR_ID = /^([\w.]{1,80}|\/subscriptions\/.+\/galleries\/[\w.]{1,80})$/i;

/** The parts of an ARM id: subscription, resource group, and the names in it, outermost first. */
export interface ArmId {
    subscriptionId: string;
    resourceGroup: string;
    names: string[];
}

/**
 * Takes an ARM id of a resource in a resource group apart. Names are checked, since they go into addresses.
 *
 * @throws UserError when it is not such an id
 */
export function parseArmId(id: string): ArmId {
    const match =
        /^\/subscriptions\/([\w-]+)\/resourceGroups\/([^/]+)\/providers\/[\w.]+((?:\/\w+\/[\w.()-]+)+)$/i.exec(id);
    // Names of dots alone mean other folders in an address.
    if (!match || !RESOURCE_GROUP_NAME.test(match[2]) || /\/\.+(\/|$)/.test(id)) {
        const shown = JSON.stringify(id.slice(0, 300));
        throw new UserError(`${shown} is not an Azure resource id (/subscriptions/…/resourceGroups/…/providers/…)`);
    }
    const names = match[3].split("/").filter((_, index) => index > 0 && index % 2 === 0);
    return { subscriptionId: match[1], resourceGroup: match[2], names };
}

/** The parts of the ARM id of a scale set, gallery, disk or snapshot. */
export interface ComputeId {
    subscriptionId: string;
    resourceGroup: string;
    name: string;
}

const SCALE_SET_ID =
    /^\/subscriptions\/([0-9a-f-]{36})\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/virtualMachineScaleSets\/([^/]+)$/i;

/** Whether a text is the ARM id of a scale set. */
export function isScaleSetId(text: string): boolean {
    const [, , resourceGroup = "", name = ""] = SCALE_SET_ID.exec(text) ?? [];
    return RESOURCE_GROUP_NAME.test(resourceGroup) && isScaleSetName(name);
}

/**
 * The parts of a scale set's ARM id.
 *
 * @throws UserError when it is not the id of a scale set
 */
export function parseScaleSetId(id: string): ScaleSetId {
    const [, subscriptionId, resourceGroup, name] = (isScaleSetId(id) && SCALE_SET_ID.exec(id)) || [];
    if (!name) {
        throw new UserError(`${JSON.stringify(id.slice(0, 300))} is not the ARM id of a scale set`);
    }
    return { subscriptionId, resourceGroup, name };
}

/** The parts of a scale set's ARM id. */
export type ScaleSetId = ComputeId;

/** Where a gallery is: the parts of its ARM id. */
export type GalleryId = ComputeId;

function computeId(type: string): (parts: ComputeId) => string {
    return ({ subscriptionId, resourceGroup, name }) =>
        `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute/${type}/${name}`;
}

/** The ARM id of a scale set from its parts. */
export const scaleSetId = computeId("virtualMachineScaleSets");

/** The ARM id of a gallery from its parts. */
export const galleryId = computeId("galleries");

/** Whether two things of Azure are in one resource group. Azure compares their names without case. */
export function isSameGroup(a: Omit<ComputeId, "name">, b: Omit<ComputeId, "name">): boolean {
    const key = ({ subscriptionId, resourceGroup }: Omit<ComputeId, "name">) =>
        `${subscriptionId}/${resourceGroup}`.toLowerCase();
    return key(a) === key(b);
}

/** The ARM id of a managed disk from its parts. */
export const diskId = computeId("disks");

/** The ARM id of a single VM from its parts. */
export const vmId = computeId("virtualMachines");

/** The ARM id of a snapshot from its parts. */
export const snapshotId = computeId("snapshots");

/** What tells where a pool's images are: a gallery and the name of a definition in it. */
export interface ImageDefinitionPlace {
    gallery: GalleryId;
    definition: { name: string };
}

/** The ARM id of the pool's image definition. */
export function imageDefinitionId({ gallery, definition }: ImageDefinitionPlace): string {
    return `${galleryId(gallery)}/images/${definition.name}`;
}

/** The ARM id of one version of the pool's images. */
export function imageVersionId(pool: ImageDefinitionPlace, version: string): string {
    return `${imageDefinitionId(pool)}/versions/${version}`;
}

/**
 * The version that a model's image reference points at, if it is one of this definition's. Without case, as ids are.
 */
export function versionIn(imageId: string | undefined, imageDefinitionId: string): string | undefined {
    const prefix = `${imageDefinitionId}/versions/`;
    return imageId?.toLowerCase().startsWith(prefix.toLowerCase()) ? imageId.slice(prefix.length) : undefined;
}
