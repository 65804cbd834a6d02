// What the service finds out only while it makes an image version: the operation fails and a version in state Failed stays.
import type { Stored } from "../cloud";
import { ArmError } from "../http/errors";
import { region } from "../regions";
import type { Json } from "../scaleSetRecord";

/** The source against the definition (text of the first: azure-docs#118774; the others follow it). */
export function checkMatch(from: Stored, parent: Stored): void {
    const is = from.wire.properties;
    const wants = parent.wire.properties;
    const pairs: [string, unknown, unknown][] = [
        ["Hypervisor generation", is.hyperVGeneration ?? "V1", wants.hyperVGeneration ?? "V1"],
        ["Operating system type", is.osType ?? wants.osType, wants.osType],
        [
            "CPU architecture",
            (is.supportedCapabilities as Json | undefined)?.architecture ?? "x64",
            wants.architecture ?? "x64",
        ],
        ["purchase plan", planText(is.purchasePlan), planText(wants.purchasePlan)],
    ];
    const different = from.wire.type.endsWith("/versions") ? undefined : pairs.find(([, have, want]) => have !== want);
    if (different) {
        const [what, have, want] = different;
        const message = `The resource with id '${from.id}' has a different ${what} ['${String(have)}'] than the parent gallery image ${what} ['${String(want)}'].`;
        throw new ArmError(409, "Conflict", message);
    }
    const security = (is.securityProfile as Json | undefined)?.securityType;
    const feature = ((wants.features ?? []) as { name: string; value: string }[]).find(
        ({ name }) => name === "SecurityType",
    )?.value;
    if (security === "TrustedLaunch" && !feature?.startsWith("TrustedLaunch")) {
        const message = `The resource with id '${from.id}' has the security type ['TrustedLaunch'], which the parent gallery image security type ['${feature ?? "Standard"}'] does not support.`;
        throw new ArmError(409, "Conflict", message);
    }
}

function planText(plan: unknown): string {
    const { publisher = "", product = "", name = "" } = (plan ?? {}) as Record<string, string>;
    return [publisher, product, name].join("/");
}

/** Zone-redundant storage only where there are zones. */
export function checkZones(stored: Stored): void {
    const regions = (
        stored.wire.properties.publishingProfile as { targetRegions: { name: string; storageAccountType: string }[] }
    ).targetRegions;
    const bad = regions.find((one) => one.storageAccountType === "Standard_ZRS" && !region(one.name)?.zones);
    if (bad)
        throw new ArmError(
            400,
            "InternalOperationError",
            `Replication failed in this region due to 'ZRS is not supported in the region ${bad.name}.'.`,
        );
}
