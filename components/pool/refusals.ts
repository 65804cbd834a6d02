// Which scale sets this program may change: reading one, and the rules that refuse the others.
import { compute } from "@pulumi/azure-native";
import { extensionTypes } from "../azure/client";
import type { ScaleSetId } from "../azure/ids";
import { UserError, oneLine } from "../core/errors";
import type { LiveModel } from "./model";

/**
 * The model of a scale set as Azure has it now.
 *
 * @throws UserError in one line when it is not there or cannot be read
 */
export async function readScaleSet(id: ScaleSetId, configKey: string): Promise<LiveModel> {
    try {
        return await withExtensionTypes(
            await compute.getVirtualMachineScaleSet({
                resourceGroupName: id.resourceGroup,
                vmScaleSetName: id.name,
            }),
        );
    } catch (error) {
        const reason = oneLine(error);
        if (saysNotFound(reason)) {
            throw new UserError(
                `${configKey}: there is no scale set "${id.name}" in resource group "${id.resourceGroup}" of subscription ` +
                    `${id.subscriptionId}; check the name, the group and the subscription`,
            );
        }
        throw new UserError(`${configKey}: scale set "${id.name}" cannot be read: ${reason}`);
    }
}

/**
 * Whether azure-native says that a resource, or its group, is not there. Its text begins with the resource's id, in which a
 * group may well be called `rg-404`: only status and code count.
 */
export function saysNotFound(reason: string): boolean {
    return /\bStatus=404 |\bCode="Resource(Group)?NotFound"/.test(reason);
}

/**
 * Whether this is an extension's type (`CustomScript`), and not the type of its resource (`Microsoft.Compute/…/extensions`):
 * azure-native has one property for both.
 */
function isExtensionType(type: string | undefined): type is string {
    return type !== undefined && type !== "" && !type.includes("/");
}

/** The model with each extension's type, which azure-native's answer leaves out; without it no rule can tell what one is. */
export async function withExtensionTypes(live: LiveModel): Promise<LiveModel> {
    const profile = live.virtualMachineProfile;
    const extensions = profile?.extensionProfile?.extensions ?? [];
    if (extensions.every(({ type }) => isExtensionType(type))) {
        return live;
    }
    const types = await extensionTypes(live.id);
    const typed = extensions.map((extension) => ({
        ...extension,
        type: types.get(extension.name ?? "") || (isExtensionType(extension.type) ? extension.type : undefined),
    }));
    return {
        ...live,
        virtualMachineProfile: { ...profile, extensionProfile: { ...profile?.extensionProfile, extensions: typed } },
    } as LiveModel;
}

/** One reason why a scale set is refused: does it hold, and what to say. */
interface Refusal {
    holds: (live: LiveModel) => boolean;
    say: string;
}

/** Whether a scale set is one of an AKS cluster's. AKS tags what it owns and keeps it in a group of its own. */
function isAksManaged(live: LiveModel): boolean {
    const tags = Object.keys(live.tags ?? {});
    return tags.some((tag) => tag.toLowerCase().startsWith("aks-managed-")) || /\/resourcegroups\/mc_/i.test(live.id);
}

/**
 * What makes a scale set one that must not be changed, each with what the user can do.
 *
 * Sources: Azure documents that models roll out by themselves unless the upgrade mode is Manual, that the OS disk of an
 * ephemeral VM cannot be copied, and that changes to an AKS-managed scale set are not supported.
 */
const REFUSALS: Refusal[] = [
    {
        holds: isAksManaged,
        say: "it is managed by AKS, which does not support changes to its scale sets; use AKS node image upgrades",
    },
    {
        holds: (live) => live.orchestrationMode === "Flexible",
        say: "its orchestration mode is Flexible; only Uniform scale sets are supported",
    },
    {
        holds: ({ upgradePolicy }) => upgradePolicy?.mode !== "Manual",
        say: "its upgradePolicy.mode is not Manual, so that a change of the model would roll out to running nodes; set it to Manual",
    },
    {
        holds: ({ upgradePolicy }) => upgradePolicy?.automaticOSUpgradePolicy?.enableAutomaticOSUpgrade === true,
        say: "automatic OS upgrades are on, so that Azure would roll out images by itself; turn automaticOSUpgradePolicy off",
    },
    {
        holds: ({ virtualMachineProfile: profile }) =>
            profile?.osProfile?.windowsConfiguration !== undefined ||
            profile?.storageProfile?.osDisk?.osType === "Windows",
        say: "its nodes run Windows; only Linux is supported",
    },
    {
        holds: ({ virtualMachineProfile: profile }) =>
            profile?.storageProfile?.osDisk?.diffDiskSettings?.option !== undefined,
        say: "its OS disks are ephemeral, and Azure cannot copy those",
    },
    {
        holds: ({ virtualMachineProfile: profile }) => profile?.storageProfile?.osDisk?.vhdContainers !== undefined,
        say: "its OS disks are unmanaged (vhdContainers); only managed disks are supported",
    },
    {
        holds: ({ virtualMachineProfile: profile }) => profile?.osProfile === undefined,
        say: "its model has no osProfile, so its nodes start from a specialized image; only generalized images are supported",
    },
    {
        holds: ({ virtualMachineProfile: profile }) => profile?.securityProfile?.securityType === "ConfidentialVM",
        say: "its nodes are confidential VMs, whose OS disks cannot become a plain image version",
    },
    {
        holds: ({ virtualMachineProfile: profile }) =>
            (profile?.storageProfile?.dataDisks ?? []).some((disk) => disk.createOption === "FromImage"),
        say: "it has data disks that come from its image; only the OS disk is captured",
    },
];

/**
 * Why this scale set must not be changed, in one line, or undefined when it may be.
 *
 * @param configKey where the pool is configured, to begin the line with
 */
export function refusal(live: LiveModel, configKey: string): string | undefined {
    const reason = REFUSALS.find(({ holds }) => holds(live));
    return reason && `${configKey}: scale set "${live.name}" is refused: ${reason.say}`;
}
