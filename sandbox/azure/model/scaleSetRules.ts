// What the compute service refuses in a scale set's model as a whole, on create and on every update.
import type { Cloud } from "../cloud";
import { ArmError, invalidParameter, missingParameter } from "../http/errors";
import type { Json, ScaleSetRecord } from "../scaleSetRecord";
import { checkEncryptionSet } from "./encryption";
import { checkImageFits } from "./imageFit";

/** Throws what the compute service answers if the model does not hold together. */
export function checkModel(cloud: Cloud, record: ScaleSetRecord): void {
    checkTags(record.wire.tags);
    if (record.isFlexible) {
        checkFlexible(record);
    }
    if (record.wire.properties.virtualMachineProfile === undefined) {
        return;
    }
    checkImageFits(cloud, record);
    checkExtensionOrder(record);
    checkRepairs(record);
    const disks = [record.storageProfile.osDisk, ...((record.storageProfile.dataDisks ?? []) as unknown[])] as Json[];
    for (const disk of disks) {
        const managed = (disk?.managedDisk ?? {}) as { diskEncryptionSet?: { id?: string } };
        checkEncryptionSet(cloud, managed.diskEncryptionSet?.id, record.location, record.id);
    }
}

/**
 * A resource has 50 tags at most
 * (https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations); code and text are
 * inferences.
 */
export function checkTags(tags: Record<string, string> = {}): void {
    const count = Object.keys(tags).length;
    if (count > 50) {
        const message = `The number of tags on the resource, ${count}, exceeds the maximum of 50.`;
        throw new ArmError(400, "InvalidTags", message, { gateway: true });
    }
}

/** How many models the VMs of a Uniform set may refer to. */
const MODEL_LIMIT = 10;

/**
 * Throws what the compute service answers if VMs are to be added to a Uniform set whose VMs would then refer to too
 * many models. A model that no VM refers to does not count, and Flexible sets have no such limit.
 * Text reported in kubernetes-sigs/cluster-api-provider-azure#4958, that it is of Uniform sets alone in
 * MicrosoftDocs/azure-docs#103472. Status and code are not known publicly: a guess after other limits of the service.
 *
 * @param modelVersion of the model that new VMs are made from
 */
export function checkModelCount(cloud: Cloud, record: ScaleSetRecord, modelVersion: number, capacity: number): void {
    const present = cloud.fleet.of(record.id);
    const referred = new Set([...present.map((vm) => vm.modelVersion), modelVersion]);
    if (record.isFlexible || capacity <= present.length || referred.size <= MODEL_LIMIT) {
        return;
    }
    const message =
        `Virtual Machine Scale Set '${record.name}' has reached its limit of ${MODEL_LIMIT} models that may be referenced by one or more VMs belonging to the ` +
        "Virtual Machine Scale Set. Upgrade the VMs to the latest model of the Virtual Machine Scale Set before trying again.";
    throw new ArmError(409, "OperationNotAllowed", message);
}

/**
 * What a Flexible set does not take: properties of Uniform sets alone, and a network profile that does not say by which
 * version its interfaces are made. That the former "cannot be set" is said in azure-cli#18132, which also sends the
 * latter; texts are inferences after that of azure-cli#27806.
 */
function checkFlexible({ wire, profile }: ScaleSetRecord): void {
    const { properties } = wire;
    const notAllowed = ["overprovision", "doNotRunExtensionsOnOverprovisionedVMs"].find(
        (name) => properties[name] !== undefined,
    );
    if (notAllowed !== undefined) {
        throw invalidParameter(notAllowed, `Parameter '${notAllowed}' is not allowed.`);
    }
    const network = profile.networkProfile as Json | undefined;
    if (network && network.networkApiVersion === undefined) {
        throw missingParameter("networkProfile.networkApiVersion");
    }
}

// The text is an inference; that it is refused follows from the service's own ordering of extensions.
function checkExtensionOrder({ extensions }: ScaleSetRecord): void {
    const names = extensions.map(({ name }) => name.toLowerCase());
    for (const { name, properties } of extensions) {
        const after = (properties.provisionAfterExtensions ?? []) as string[];
        const absent = after.find((one) => !names.includes(one.toLowerCase()));
        if (absent === undefined) {
            continue;
        }
        const message = `Extension '${name}' is to be provisioned after extension '${absent}', which is not in the extension profile.`;
        throw invalidParameter("provisionAfterExtensions", message);
    }
}

// Text reported in terraform-provider-azurerm#5860.
function checkRepairs({ wire, profile, extensions }: ScaleSetRecord): void {
    const policy = wire.properties.automaticRepairsPolicy as { enabled?: boolean } | undefined;
    if (policy?.enabled !== true) {
        return;
    }
    const probe = ((profile.networkProfile ?? {}) as { healthProbe?: Json }).healthProbe;
    const health = extensions.some(({ properties }) =>
        /^ApplicationHealth(Linux|Windows)$/i.test(String(properties.type)),
    );
    if (probe !== undefined || health) {
        return;
    }
    const message =
        "Automatic repairs not supported for this Virtual Machine Scale Set because a health probe or health extension was not provided.";
    throw new ArmError(400, "BadRequest", message);
}
