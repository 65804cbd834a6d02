// What a PUT or PATCH does to an existing scale set's model, and what it refuses.
import type { Wire } from "../wire";
import { ArmError, changeNotAllowed, invalidParameter, missingParameter } from "../http/errors";
import { isObject, merge } from "../resources/common";
import type { Json } from "../scaleSetRecord";

/**
 * Properties that are fixed when the set is made (Microsoft's "Modify a scale set" page, azure-docs#108952,
 * azure-powershell#11911).
 */
const FIXED = [
    "properties.orchestrationMode",
    "properties.platformFaultDomainCount",
    "properties.proximityPlacementGroup.id",
    "properties.virtualMachineProfile.osProfile.computerNamePrefix",
    "properties.virtualMachineProfile.osProfile.adminUsername",
    "properties.virtualMachineProfile.storageProfile.osDisk.osType",
    "properties.virtualMachineProfile.storageProfile.osDisk.createOption",
    "properties.virtualMachineProfile.storageProfile.osDisk.managedDisk.storageAccountType",
    "properties.virtualMachineProfile.storageProfile.osDisk.diffDiskSettings.option",
    "properties.virtualMachineProfile.priority",
    "zones",
    "plan",
];

/** The model after the request; throws for what cannot be changed. `patch`: tags given replace the tags. */
export function updated(stored: Wire, body: Json, patch: boolean): Wire {
    checkCapacity(body);
    checkTrueOrOmitted(body);
    for (const path of FIXED) {
        const wanted = at(body, path);
        const before = at(stored, path);
        if (wanted !== undefined && !same(wanted, before)) {
            throw changeNotAllowed(path.replace(/^properties\./, ""));
        }
    }
    const group = "properties.singlePlacementGroup";
    if (at(body, group) === true && at(stored, group) === false) {
        throw changeNotAllowed("singlePlacementGroup");
    }
    checkImage(stored, body);
    const model = merge(
        stored,
        { ...body, location: undefined },
        { extensions: mergeExtensions, imageReference: mergeImage },
    ) as unknown as Wire;
    if (patch && body.tags) {
        model.tags = body.tags as Record<string, string>;
    }
    return model;
}

/** A sku without capacity is refused; a body without sku keeps both (Azure/vm-scale-sets#70). */
export function checkCapacity(body: Json): void {
    if (!isObject(body.sku)) {
        return;
    }
    if (body.sku.capacity === undefined) {
        throw missingParameter("sku.capacity");
    }
    const capacity = body.sku.capacity as number;
    if (capacity < 0 || capacity > 1000) {
        throw new ArmError(
            400,
            "InvalidParameter",
            `The value of parameter sku.capacity is invalid. It must be between 0 and 1000.`,
            { target: "sku.capacity" },
        );
    }
}

/**
 * What is true or left out, says the API's description. Text of a PUT of what GET had answered, reported in
 * Azure/terraform-azurerm-avm-res-compute-virtualmachinescaleset#225; two recordings of azure-cli have a 200 for the
 * same. That the second one and a PATCH are refused alike are inferences.
 */
export function checkTrueOrOmitted(body: Json): void {
    for (const path of [
        "properties.constrainedMaximumCapacity",
        "properties.virtualMachineProfile.osProfile.requireGuestProvisionSignal",
    ]) {
        if (at(body, path) === false) {
            const name = path.replace(/^properties\.(virtualMachineProfile\.)?/, "");
            throw invalidParameter(name, `Parameter '${name}' is not allowed.`);
        }
    }
}

/** Settings are the extension's own text to the service: given ones replace the stored ones whole. */
const REPLACED = Object.fromEntries(
    ["settings", "protectedSettings"].map((name) => [
        name,
        (_before: unknown, after: unknown) => structuredClone(after),
    ]),
);

// Lists of named items: a list that is given replaces the stored one, in the stored order with new ones last, and what
// an item does not say (protected settings above all, which nobody can read back) is kept (order recorded by ASO; the
// kept secrets are an inference).
function mergeExtensions(before: unknown, after: unknown): unknown {
    const stored = (before ?? []) as { name: string }[];
    const given = after as { name: string }[];
    const name = (one: { name: string }) => one.name.toLowerCase();
    const kept = stored.filter((old) => given.some((one) => name(one) === name(old)));
    const added = given.filter((one) => !stored.some((old) => name(one) === name(old)));
    const merged = kept.map((old) =>
        merge(old as unknown as Json, given.find((one) => name(one) === name(old)) as unknown as Json, REPLACED),
    );
    return [...merged, ...structuredClone(added)];
}

// A reference by id and one by publisher exclude each other, so one replaces the other whole.
function mergeImage(before: unknown, after: unknown): unknown {
    const given = after as Json;
    if (given.id !== undefined) {
        return { id: given.id };
    }
    return isObject(before) && before.id !== undefined ? structuredClone(given) : merge((before ?? {}) as Json, given);
}

function checkImage(stored: Wire, body: Json): void {
    const given = at(body, "properties.virtualMachineProfile.storageProfile.imageReference") as Json | undefined;
    if (!given) {
        return;
    }
    if (given.id !== undefined && (given.publisher ?? given.offer ?? given.sku ?? given.version) !== undefined) {
        const message = "Parameter 'imageReference.id' is not allowed when publisher, offer, sku or version is given.";
        throw new ArmError(400, "InvalidParameter", message, { target: "imageReference.id" });
    }
    const before = (at(stored, "properties.virtualMachineProfile.storageProfile.imageReference") ?? {}) as Json;
    // Text reported in azure-docs#89791: a managed image, that is, not one of a gallery.
    if (before.publisher !== undefined && /\/providers\/Microsoft\.Compute\/images\/[^/]+$/i.test(String(given.id))) {
        const message = "The Image type for a Virtual Machine Scale Set may not be changed.";
        throw new ArmError(409, "OperationNotAllowed", message, { target: "imageReference" });
    }
    for (const name of ["publisher", "offer"]) {
        if (before[name] !== undefined && given[name] !== undefined && !same(before[name], given[name])) {
            throw changeNotAllowed(`imageReference.${name}`);
        }
    }
}

function at(value: Json, path: string): unknown {
    return path.split(".").reduce<unknown>((object, name) => (isObject(object) ? object[name] : undefined), value);
}

function same(a: unknown, b: unknown): boolean {
    if (Array.isArray(a) && a.length === 0 && b === undefined) {
        return true;
    }
    return JSON.stringify(a).toLowerCase() === (JSON.stringify(b) ?? "").toLowerCase();
}
