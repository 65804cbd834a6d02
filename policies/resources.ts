// What the policies look at: resource types, what is known of them, and when a pool is only being adopted.
import type { compute, types } from "@pulumi/azure-native";
import {
    UnknownValueError,
    type PolicyResource,
    type PolicyResourceOptions,
    type ReportViolation,
    type ResourceValidation,
    type ResourceValidationArgs,
} from "@pulumi/policy";
import type { Unwrap } from "@pulumi/pulumi";

/** Inputs of the Azure resources, as plain values. */
export type ScaleSet = Unwrap<compute.VirtualMachineScaleSetArgs>;
export type ImageVersion = Unwrap<compute.GalleryImageVersionArgs>;
export type ImageDefinition = Unwrap<compute.GalleryImageArgs>;
export type Gallery = Unwrap<compute.GalleryArgs>;
export type Extension = Unwrap<types.input.compute.VirtualMachineScaleSetExtensionArgs>;

/** Azure resource types, in the SDK's default API version or in a named one (`azure-native:compute/v20240701:…`). */
export const SCALE_SET = /^azure-native:compute(\/v\w+)?:VirtualMachineScaleSet$/;
export const IMAGE_VERSION = /^azure-native:compute(\/v\w+)?:GalleryImageVersion$/;
export const IMAGE_DEFINITION = /^azure-native:compute(\/v\w+)?:GalleryImage$/;
export const GALLERY = /^azure-native:compute(\/v\w+)?:Gallery$/;
/** The dynamic resource that takes a node's OS disk; its output `snapshotId` is what an image version is made from. */
export const CAPTURE = /^pulumi-nodejs:dynamic\/kamino:OsDiskCapture$/;
/** The dynamic resource that chooses the node; its output `current` is the version to use, empty before the first. */
export const SELECTION = /^pulumi-nodejs:dynamic\/kamino:NodeSelection$/;
/** The component that holds one pool's resources. */
export const PROTOTYPE = /^kamino:index:VmssPrototype$/;

/**
 * A validation of one type's resources. Types are matched by name and not by SDK class, so that the published pack need not
 * carry the Azure SDK.
 */
export function ofType<T>(
    type: RegExp,
    validate: (props: T, args: ResourceValidationArgs, report: ReportViolation) => void,
): ResourceValidation {
    return (args, report) => {
        if (!type.test(args.type)) {
            args.notApplicable();
        }
        validate(args.props as T, args, report);
    };
}

/**
 * Whether a resource is declared as it is, so that this run changes nothing of it: the run in which a pool is adopted
 * (imported). The engine then takes the inputs from what was read, whatever the program says.
 */
export function isDeclaredAsItIs(opts: PolicyResourceOptions): boolean {
    return opts.ignoreChanges.includes("*");
}

/** A validation of scale sets that are declared in full. Those being adopted are let through; another policy says so. */
export function ofScaleSet(
    validate: (model: ScaleSet, args: ResourceValidationArgs, report: ReportViolation) => void,
): ResourceValidation {
    return ofType<ScaleSet>(SCALE_SET, (model, args, report) => {
        if (isDeclaredAsItIs(args.opts)) {
            args.notApplicable("the pool is being adopted: declared as it is, nothing of it changes");
        }
        validate(model, args, report);
    });
}

/** The stack's resources of one type. */
export function resourcesOfType(resources: PolicyResource[], type: RegExp): PolicyResource[] {
    return resources.filter((resource) => type.test(resource.type));
}

/** Stands for a value that is not known before the update; only previews have any. */
export const UNKNOWN = Symbol("not known before the update");

/**
 * A value of a resource, or UNKNOWN in a preview that cannot tell it yet. The framework throws at the access and so ends the
 * policy, with a warning; a policy over many resources must not be ended by the first of them.
 */
export function read<T>(access: () => T): T | typeof UNKNOWN {
    try {
        return access();
    } catch (error) {
        if (error instanceof UnknownValueError) {
            return UNKNOWN;
        }
        throw error;
    }
}

/**
 * Ends a policy over many resources the way the framework ends one that meets a value a preview cannot tell: with a warning,
 * whatever was reported before it. To be called last, so that nothing unknown passes in silence.
 */
export function warnOfUnknown(...accesses: (() => unknown)[]): void {
    accesses.forEach((access) => access());
}

/** A gallery image version's place, the parts of its ARM id that name it. */
export interface ImageVersionId {
    resourceGroup: string;
    gallery: string;
    definition: string;
    version: string;
}

/** The parts of the ARM id of one gallery image version, or undefined when it is another id (a definition's, say). */
export function parseImageVersionId(id: string): ImageVersionId | undefined {
    const parts =
        /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/galleries\/([^/]+)\/images\/([^/]+)\/versions\/(\d+\.\d+\.\d+)$/i.exec(
            id,
        );
    return parts ? { resourceGroup: parts[1], gallery: parts[2], definition: parts[3], version: parts[4] } : undefined;
}

/** A key for an image definition's or version's place; Azure compares names without case. */
export function placeOf(...names: string[]): string {
    return names.join("/").toLowerCase();
}

/** The ARM id that a scale set's model points at; undefined for none. Throws in a preview that cannot tell it: see `read`. */
export function imageIdOf(scaleSet: PolicyResource): string | undefined {
    return (scaleSet.props as ScaleSet).virtualMachineProfile?.storageProfile?.imageReference?.id;
}
