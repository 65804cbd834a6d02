// What CAPZ writes into a scale set's model together with a new image, because it waited for the next write. Pure.
import type { CapzTemplate } from "./machinePool";

/** A scale set's model as far as CAPZ leaves its changes waiting. */
export interface ModelParts {
    virtualMachineProfile?: {
        osProfile?: { linuxConfiguration?: { ssh?: { publicKeys?: { keyData?: string }[] } } };
        storageProfile?: {
            osDisk?: { diskSizeGB?: number; caching?: string; managedDisk?: { storageAccountType?: string } };
            dataDisks?: unknown[];
        };
        extensionProfile?: { extensions?: { name?: string }[] };
        securityProfile?: { encryptionAtHost?: boolean };
        scheduledEventsProfile?: { terminateNotificationProfile?: { notBeforeTimeout?: string; enable?: boolean } };
    };
}

/** One part of a model, as the AzureMachinePool wants it and as Azure has it. Undefined: CAPZ does not set it. */
interface Part {
    what: string;
    wanted: (template: CapzTemplate) => string | undefined;
    has: (model: NonNullable<ModelParts["virtualMachineProfile"]>) => string | undefined;
    /** Its value is not shown. */
    hidden?: boolean;
}

/** The bootstrap extension, which CAPZ adds only where a pool asks for it. */
const BOOTSTRAP_EXTENSION = "CAPZ.Linux.Bootstrapping";

const text = (value: number | boolean | string | undefined) => (value === undefined ? undefined : String(value));
const list = (names: (string | undefined)[]) => names.filter(Boolean).sort().join(", ") || "none";

/**
 * Parts whose change alone makes CAPZ write nothing: it writes the whole model when image, identity, zones, VM size or
 * a higher number of machines asks for it.
 * Source: hasModelModifyingDifferences and Parameters in azure/services/scalesets/spec.go of CAPZ 1.25.0
 */
const PARTS: Part[] = [
    {
        what: "the SSH key",
        wanted: ({ sshPublicKey = "" }) => Buffer.from(sshPublicKey, "base64").toString("utf8").trim() || undefined,
        has: ({ osProfile }) => osProfile?.linuxConfiguration?.ssh?.publicKeys?.[0]?.keyData?.trim(),
        hidden: true,
    },
    {
        what: "the OS disk's size",
        wanted: ({ osDisk }) => text(osDisk?.diskSizeGB),
        has: ({ storageProfile }) => text(storageProfile?.osDisk?.diskSizeGB),
    },
    {
        what: "the OS disk's caching",
        wanted: ({ osDisk }) => osDisk?.cachingType || undefined,
        has: ({ storageProfile }) => storageProfile?.osDisk?.caching,
    },
    {
        what: "the OS disk's storage",
        wanted: ({ osDisk }) => osDisk?.managedDisk?.storageAccountType || undefined,
        has: ({ storageProfile }) => storageProfile?.osDisk?.managedDisk?.storageAccountType,
    },
    {
        what: "the number of data disks",
        wanted: ({ dataDisks = [] }) => text(dataDisks.length),
        has: ({ storageProfile }) => text(storageProfile?.dataDisks?.length ?? 0),
    },
    {
        what: "the extensions",
        wanted: ({ vmExtensions = [], disableVMBootstrapExtension = true }) =>
            list([
                ...vmExtensions.map(({ name }) => name),
                ...(disableVMBootstrapExtension ? [] : [BOOTSTRAP_EXTENSION]),
            ]),
        has: ({ extensionProfile }) => list(extensionProfile?.extensions?.map(({ name }) => name) ?? []),
    },
    {
        what: "encryption at host",
        wanted: ({ securityProfile }) => text(securityProfile?.encryptionAtHost),
        has: ({ securityProfile }) => text(securityProfile?.encryptionAtHost ?? false),
    },
    {
        what: "the terminate notification's time",
        wanted: ({ terminateNotificationTimeout: minutes }) => (minutes === undefined ? undefined : `PT${minutes}M`),
        has: ({ scheduledEventsProfile }) => scheduledEventsProfile?.terminateNotificationProfile?.notBeforeTimeout,
    },
];

/**
 * What of the scale set's model CAPZ would change with the next image, in words.
 *
 * @param template the AzureMachinePool's `spec.template`
 * @param model the scale set's model as Azure has it
 */
export function pendingChanges(template: CapzTemplate, { virtualMachineProfile: model = {} }: ModelParts): string[] {
    return PARTS.flatMap(({ what, wanted, has, hidden }) => {
        const [to, from = "none"] = [wanted(template), has(model)];
        if (to === undefined || to === from) {
            return [];
        }
        return [hidden ? what : `${what} (${from} → ${to})`];
    });
}
