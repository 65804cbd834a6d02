// The model of a scale set as Azure has it now, with what azure-native's answer leaves out.
import * as compute from "@pulumi/azure-native/compute";
import { extensionTypes } from "../azure/scaleSets";
import type { ScaleSetId } from "../azure/ids";
import { UserError, oneLine } from "../core/errors";
import type { LiveModel } from "./model";
import { providerFor } from "./providers";

/**
 * Reads the model of a scale set.
 *
 * @throws UserError in one line when it is not there or cannot be read
 */
export async function readScaleSet(id: ScaleSetId, configKey: string): Promise<LiveModel> {
    try {
        return await withExtensionTypes(
            await compute.getVirtualMachineScaleSet(
                { resourceGroupName: id.resourceGroup, vmScaleSetName: id.name },
                { provider: providerFor(id.subscriptionId) },
            ),
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
 * Whether azure-native says that a resource, or its group, is not there. Its text begins with the resource's id, in
 * which a group may well be called `rg-404`: only status and code count.
 */
export function saysNotFound(reason: string): boolean {
    return /\bStatus=404 |\bCode="Resource(Group)?NotFound"/.test(reason);
}

/**
 * Whether this is an extension's type (`CustomScript`), and not the type of its resource
 * (`Microsoft.Compute/…/extensions`): azure-native has one property for both.
 */
function isExtensionType(type: string | undefined): type is string {
    return type !== undefined && type !== "" && !type.includes("/");
}

/**
 * The model with each extension's type, which azure-native's answer leaves out; without it no rule can tell what one
 * is.
 */
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
