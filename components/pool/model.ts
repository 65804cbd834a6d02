// The scale set's model: from what Azure answers to what the stack declares. Pure: data in, data out.
import type { compute } from "@pulumi/azure-native";
import type { input } from "@pulumi/azure-native/types";
import type { Unwrap } from "@pulumi/pulumi";
import { BOOTSTRAP_TAG } from "../../policies/contract";
import type { ScaleSetModel } from "../azure/scaleSetForm";
import { flexiblePoolId } from "../core/machinesId";
import { keptExtensions, type ExtensionSettings } from "./extensions";
import { withoutMark } from "./newNodes";

/** A scale set as Azure has it, in azure-native's form. */
export type LiveModel = ScaleSetModel;

/**
 * What is known of a pool's VMs: a scale set's whole model, or what a single VM has of one. Its `id` tells which: that
 * of a scale set, or a `machinesId`.
 */
export type PoolModel = Pick<LiveModel, "id" | "name" | "location"> & Partial<LiveModel>;

/** Whether a scale set's VMs are single ones: its orchestration mode, which never changes. */
export function isFlexible({ orchestrationMode }: Pick<PoolModel, "orchestrationMode">): boolean {
    return orchestrationMode === "Flexible";
}

/** The id by which a pool's nodes and VMs are looked for: the model's, unless these are single VMs of a scale set. */
export function poolIdOf(live: Pick<PoolModel, "id" | "orchestrationMode">): string {
    return isFlexible(live) ? flexiblePoolId(live.id) : live.id;
}

/** A scale set as the stack declares it: plain values, no outputs. */
export type DeclaredModel = compute.VirtualMachineScaleSetArgs;

/**
 * Properties that the answer has and the resource does not take. The type makes the list complete: a new read-only
 * property in a later SDK does not compile until it is named here.
 */
const READ_ONLY: Record<Exclude<keyof LiveModel, keyof DeclaredModel>, true> = {
    azureApiVersion: true,
    etag: true,
    id: true,
    name: true,
    provisioningState: true,
    systemData: true,
    timeCreated: true,
    type: true,
    uniqueId: true,
};

type LiveProfile = NonNullable<LiveModel["virtualMachineProfile"]>;
const READ_ONLY_PROFILE: Record<
    Exclude<keyof LiveProfile, keyof input.compute.VirtualMachineScaleSetVMProfileArgs>,
    true
> = { timeCreated: true };

type LiveExtension = NonNullable<NonNullable<LiveProfile["extensionProfile"]>["extensions"]>[number];
const READ_ONLY_EXTENSION: Record<
    Exclude<keyof LiveExtension, keyof input.compute.VirtualMachineScaleSetExtensionArgs>,
    true
> = { id: true, provisioningState: true };

type LiveImage = NonNullable<NonNullable<LiveProfile["storageProfile"]>["imageReference"]>;
const READ_ONLY_IMAGE: Record<Exclude<keyof LiveImage, keyof input.compute.ImageReferenceArgs>, true> = {
    exactVersion: true,
};

/**
 * Custom data of a node that needs no bootstrap: a cloud-config that does nothing, in base64 as Azure takes it. Azure
 * never gives custom data back and keeps what a PUT leaves out, so "none" has to be said.
 *
 * @param writes how often the stack has written its model over somebody else's. As a comment it makes custom data
 *   differ, so that Pulumi, which compares with what it wrote itself, writes the model once more although the rest of
 *   it is the same.
 */
export function emptyCustomData(writes = 0): string {
    const comment = writes > 0 ? `# written over a foreign change: ${writes}\n` : "";
    return Buffer.from(`#cloud-config\n${comment}{}\n`).toString("base64");
}

/**
 * The model as it is, without what the resource does not take and without `sku`: capacity belongs to the autoscaler,
 * and a PUT without `sku` keeps it (Azure/vm-scale-sets#70). Without the mark of added nodes as well, which would be a
 * difference. Used to adopt a pool.
 *
 * @param live what Azure answers
 * @param resourceGroupName the group that the scale set is in
 */
export function modelAsItIs(live: PoolModel, resourceGroupName: string): DeclaredModel {
    const { identity } = live;
    const {
        sku: _capacityIsTheAutoscalers,
        identity: _declaredBelow,
        virtualMachineProfile,
        ...rest
    } = withoutEmpty({ ...live, tags: withoutMark(live.tags ?? {}) });
    const declared = without(rest, READ_ONLY) as Omit<DeclaredModel, "resourceGroupName">;
    return {
        resourceGroupName,
        vmScaleSetName: live.name,
        ...declared,
        ...(identity && { identity: declaredIdentity(identity) }),
        ...(virtualMachineProfile && { virtualMachineProfile: declaredProfile(virtualMachineProfile) }),
    };
}

/** The bootstrap tag's value; it counts as the comment in empty custom data does. */
function keptText(writes = 0): string {
    return writes > 0 ? `kept; written over a foreign change: ${writes}` : "kept";
}

/** What a model from an image is made with. With `bootstrap: keep` new nodes still join by their own custom data. */
export interface ImageModel extends ExtensionSettings {
    /** ARM id of one gallery image version; never of a definition, which would mean "latest". */
    imageVersionId: string;
    /** How often the stack has written its model over somebody else's. */
    writes?: number;
    /** Upgrade settings that somebody else changed, as they were before. */
    restored?: Record<string, unknown>;
}

/**
 * The model of which new nodes start from the image version: the image reference is that one version. Without bootstrap
 * extensions that bootstrap are gone and custom data does nothing. With it both are as they are, which for custom data
 * is to leave it out, and a tag says so. All else is as it is.
 *
 * @param live what Azure answers
 * @param resourceGroupName the group that the scale set is in
 */
export function modelFromImage(live: PoolModel, resourceGroupName: string, image: ImageModel): DeclaredModel {
    const { tags: all, ...model } = modelAsItIs(live, resourceGroupName);
    const profile = model.virtualMachineProfile as DeclaredProfile;
    const keeps = image.bootstrap === "keep";
    const { [BOOTSTRAP_TAG]: _said, ...others } = (all ?? {}) as Record<string, string>;
    const tags = keeps ? { ...others, [BOOTSTRAP_TAG]: keptText(image.writes) } : others;
    return {
        ...model,
        ...image.restored,
        ...((all || keeps) && { tags }),
        virtualMachineProfile: {
            ...profile,
            osProfile: { ...profile.osProfile, ...(!keeps && { customData: emptyCustomData(image.writes) }) },
            storageProfile: { ...profile.storageProfile, imageReference: { id: image.imageVersionId } },
            // An empty list has to be said as well: Azure keeps what a PUT leaves out.
            extensionProfile: {
                ...profile.extensionProfile,
                extensions: keptExtensions(profile.extensionProfile?.extensions ?? [], image),
            },
        },
    };
}

// The inputs' types allow outputs at every place; here all is plain data.
type DeclaredProfile = Unwrap<input.compute.VirtualMachineScaleSetVMProfileArgs>;

function declaredProfile(profile: LiveProfile): DeclaredProfile {
    const { extensionProfile, storageProfile, ...rest } = profile;
    const extensions = extensionProfile?.extensions?.map((extension) => without(extension, READ_ONLY_EXTENSION));
    const imageReference = storageProfile?.imageReference && without(storageProfile.imageReference, READ_ONLY_IMAGE);
    return {
        ...without(rest, READ_ONLY_PROFILE),
        ...(storageProfile && { storageProfile: { ...storageProfile, ...(imageReference && { imageReference }) } }),
        ...(extensionProfile && { extensionProfile: { ...extensionProfile, ...(extensions && { extensions }) } }),
    } as DeclaredProfile;
}

// The answer's map of identities, by id, is a list of ids in the inputs; principal and tenant are Azure's to say.
function declaredIdentity(identity: NonNullable<LiveModel["identity"]>): NonNullable<DeclaredModel["identity"]> {
    const ids = Object.keys(identity.userAssignedIdentities ?? {});
    return {
        type: identity.type,
        ...(ids.length > 0 && { userAssignedIdentities: ids }),
    } as NonNullable<DeclaredModel["identity"]>;
}

function without<T extends object, K extends string>(value: T, names: Record<K, true>): Omit<T, K> {
    return Object.fromEntries(Object.entries(value).filter(([name]) => !(name in names))) as Omit<T, K>;
}

/** What an extension is configured with is its own business: Azure passes it on as it is, and so do we. */
const OPAQUE = ["settings", "protectedSettings"];

/**
 * Properties that Azure answers as false and does not take so: "must either be set to True or omitted" in the API's
 * description. Azure has refused the first one with a 400, and has taken it in recordings of azure-cli.
 * Source: https://github.com/Azure/terraform-azurerm-avm-res-compute-virtualmachinescaleset/pull/226
 */
const TRUE_OR_OMITTED = ["constrainedMaximumCapacity", "requireGuestProvisionSignal"];

// In these models null, absent and empty are the same thing, and Azure keeps what a PUT leaves out.
function withoutEmpty<T>(value: T): T {
    if (Array.isArray(value)) {
        return value.map((item: unknown) => withoutEmpty(item)).filter((item) => !isEmpty(item)) as T;
    }
    if (typeof value === "object" && value !== null) {
        const entries = Object.entries(value).flatMap(([name, item]: [string, unknown]) => {
            if (OPAQUE.includes(name)) {
                return item === null || item === undefined ? [] : [[name, item] as const];
            }
            const filled = withoutEmpty(item);
            return isEmpty(filled) || (filled === false && TRUE_OR_OMITTED.includes(name))
                ? []
                : [[name, filled] as const];
        });
        return Object.fromEntries(entries) as T;
    }
    return value;
}

function isEmpty(value: unknown): boolean {
    return value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0);
}
