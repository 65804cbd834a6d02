// A short record of a scale set's model, to tell at the next run what changed: the image as it is, the rest as digests.
import { createHash } from "node:crypto";

/** What is recorded of a model: two short lines among a stack's outputs. */
export interface ModelRecord {
    /** ARM id of the image, or `publisher:offer:sku:version` of a marketplace one. */
    image: string;
    /** A digest of each other part, which tells whether it changed: `tags=4f1c02aa virtualMachineProfile.networkProfile=…`. */
    rest: string;
}

type Json = Record<string, unknown>;

/**
 * Parts that a bump changes, and those that say where the scale set is. `sku` leaves the stack's state after the adoption.
 * `azureApiVersion` is nothing of the model: the azure-native provider adds it to the inputs of every resource
 * (pulumi/pulumi-azure-native#4015), so that only what it checked has it.
 */
const CHANGED_BY_BUMP = [
    ...["virtualMachineProfile.extensionProfile", "sku"],
    ...["resourceGroupName", "vmScaleSetName", "azureApiVersion"],
];

/**
 * The record of a model. Pure: equal models give equal records, whatever the order of their properties; null, absent and
 * empty are the same thing in these models and count as such.
 *
 * @param model the inputs of an azure-native VirtualMachineScaleSet, as plain values
 */
export function recordOf(model: object): ModelRecord {
    const { virtualMachineProfile, ...top } = model as Json & { virtualMachineProfile?: Json };
    const { storageProfile, osProfile, ...profile } = virtualMachineProfile ?? {};
    const { imageReference, ...storage } = (storageProfile ?? {}) as Json & { imageReference?: Record<string, string> };
    const os = { ...(osProfile as Json | undefined), customData: undefined };
    const parts: Json = { ...top };
    for (const [name, part] of Object.entries({ ...profile, storageProfile: storage, osProfile: os })) {
        parts[`virtualMachineProfile.${name}`] = part;
    }
    const filled = Object.entries(parts).flatMap(([name, part]) => {
        const text = canonical(part);
        return text === undefined || CHANGED_BY_BUMP.includes(name) ? [] : [`${name}=${digest(text)}`];
    });
    return { image: imageName(imageReference ?? {}), rest: filled.sort().join(" ") };
}

/** The parts of the model, by name, that differ between two records. */
export function changedParts(before: ModelRecord, now: ModelRecord): string[] {
    const [old, current] = [before, now].map(({ rest }) => new Set(rest.split(" ").filter(Boolean)));
    const differing = [...old, ...current].filter((part) => !old.has(part) || !current.has(part));
    return [...new Set(differing.map((part) => part.slice(0, part.lastIndexOf("="))))].sort();
}

/** Whether two records have the same image; Azure compares ids without case. */
export function sameImage(before: ModelRecord, now: ModelRecord): boolean {
    return before.image.toLowerCase() === now.image.toLowerCase();
}

function imageName({ id, publisher, offer, sku, version }: Record<string, string | undefined>): string {
    return id ?? [publisher, offer, sku, version].filter(Boolean).join(":");
}

function digest(text: string): string {
    return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

/** JSON with sorted keys and without what is null or empty; undefined when nothing is left. */
function canonical(value: unknown): string | undefined {
    if (value === null || value === undefined) {
        return undefined;
    }
    if (Array.isArray(value)) {
        return value.length === 0 ? undefined : `[${value.map((item) => canonical(item) ?? "null").join()}]`;
    }
    if (typeof value === "object") {
        const members = Object.entries(value)
            .flatMap(([name, member]) => {
                const text = canonical(member);
                return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
            })
            .sort();
        return members.length === 0 ? undefined : `{${members.join()}}`;
    }
    return JSON.stringify(value);
}
