// What the compute service refuses in a scale set's model as a whole, on create and on every update.
import type { Cloud } from "../cloud";
import { ArmError, invalidParameter } from "../http/errors";
import type { Json, ScaleSetRecord } from "../scaleSetRecord";
import { checkEncryptionSet } from "./encryption";
import { checkImageFits } from "./imageFit";

/** Throws what the compute service answers if the model does not hold together. */
export function checkModel(cloud: Cloud, record: ScaleSetRecord): void {
    checkImageFits(cloud, record);
    checkExtensionOrder(record);
    checkRepairs(record);
    const disks = [record.storageProfile.osDisk, ...((record.storageProfile.dataDisks ?? []) as unknown[])] as Json[];
    for (const disk of disks) {
        const managed = (disk?.managedDisk ?? {}) as { diskEncryptionSet?: { id?: string } };
        checkEncryptionSet(cloud, managed.diskEncryptionSet?.id, record.location);
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
