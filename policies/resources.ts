// What the policies look at: what is known of a resource, and when a pool is only being adopted.
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
import {
    INFRASTRUCTURE_REF,
    MACHINE_POOL_IMAGE,
    MACHINE_TEMPLATE,
    SCALE_SET,
    type ComputeGalleryStatement,
    SELECTION,
    type InfrastructureRefStatement,
    type MachinePoolStatement,
    type MachineTemplateStatement,
    type PreviousPool,
    type PrototypeStatement,
} from "./contract";
import { present } from "./present";

/** Inputs of the Azure resources, as plain values. */
export type ScaleSet = Unwrap<compute.VirtualMachineScaleSetArgs>;
export type ImageVersion = Unwrap<compute.GalleryImageVersionArgs>;
export type ImageDefinition = Unwrap<compute.GalleryImageArgs>;
export type Gallery = Unwrap<compute.GalleryArgs>;
export type Extension = Unwrap<types.input.compute.VirtualMachineScaleSetExtensionArgs>;

/**
 * A validation of one type's resources. Types are matched by name and not by SDK class, so that the published pack need
 * not carry the Azure SDK.
 */
export function ofType<T>(
    type: RegExp,
    validate: (props: T, args: ResourceValidationArgs, report: ReportViolation) => void,
): ResourceValidation {
    return (args, report) => {
        if (!type.test(args.type)) {
            args.notApplicable();
        }
        validate(present(args.props) as T, args, report);
    };
}

/**
 * Whether a resource is declared as it is, so that this run changes nothing of it: the run in which a pool is adopted
 * (imported). The engine then takes the inputs from what was read, whatever the program says.
 */
export function isDeclaredAsItIs(opts: PolicyResourceOptions): boolean {
    return opts.ignoreChanges.includes("*");
}

/**
 * A validation of scale sets that are declared in full. Those being adopted are let through; another policy says so.
 */
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

/**
 * What a scale set's pool states of itself, by the component that holds it. The engine (3.246) does not show policies
 * what a program reads (its own outputs, Azure's answers), so the component hands that on.
 */
export function statementOf(scaleSet: PolicyResource): PrototypeStatement {
    return present(scaleSet.parent?.props ?? {}) as PrototypeStatement;
}

/** What the stack's last successful update said of a scale set's pool. Empty on the first run. */
export function previousOf(scaleSet: PolicyResource): PreviousPool {
    return statementOf(scaleSet).previous ?? {};
}

/** The selection of the pool that a model is of. */
export function selectionOf(model: PolicyResource, resources: PolicyResource[]): PolicyResource | undefined {
    return resourcesOfType(resources, SELECTION).find(({ parent }) => parent?.urn === model.parent?.urn);
}

/** The type that is in a URN: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`. */
export function typeOfUrn(urn: string | undefined): string {
    return urn?.split("::")[2]?.split("$").at(-1) ?? "";
}

/** The types of what holds a resource, from the outermost on, as its URN has them. The stack itself is none of them. */
export function typesAbove(urn: string): string[] {
    return (urn.split("::")[2] ?? "").split("$").slice(0, -1);
}

/** Whether a switch is on, also as text, which Azure takes. */
export function isOn(value: unknown): boolean {
    return String(value).toLowerCase() === "true";
}

/** The stack's resources of one type. */
export function resourcesOfType(resources: PolicyResource[], type: RegExp): PolicyResource[] {
    return resources
        .filter((resource) => type.test(resource.type))
        .map((resource) => ({ ...resource, props: present(resource.props) }));
}

/** Stands for a value that is not known before the update; only previews have any. */
export const UNKNOWN = Symbol("not known before the update");

/**
 * A value of a resource, or UNKNOWN in a preview that cannot tell it yet. The framework throws at the access and so
 * ends the policy, with a warning; a policy over many resources must not be ended by the first of them.
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
 * Ends a policy over many resources the way the framework ends one that meets a value a preview cannot tell: with a
 * warning, whatever was reported before it. To be called last, so that nothing unknown passes in silence.
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

/** The ARM id of the version that a MachinePoolImage points at, or a MachineTemplate has. */
export function capzImageId({ computeGallery }: Partial<MachinePoolStatement | MachineTemplateStatement>): string {
    // What is not named makes an id that is not one of a version.
    const {
        subscriptionID = "",
        resourceGroup = "",
        gallery = "",
        name = "",
        version = "",
    }: Partial<ComputeGalleryStatement> = computeGallery ?? {};
    return (
        `/subscriptions/${subscriptionID}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute` +
        `/galleries/${gallery}/images/${name}/versions/${version}`
    );
}

/** A version's numbers: Azure may drop a leading zero of a name. */
export function numbers(version: string): string {
    return version.split(".").map(Number).join(".");
}

/** A key for an image definition's or version's place; Azure compares names without case. */
export function placeOf(...names: string[]): string {
    return names.join("/").toLowerCase();
}

/**
 * The ARM id of the image that new nodes of a scale set or MachinePool start from; undefined for none. Throws in a
 * preview that cannot tell it: see `read`.
 */
export function imageIdOf({ type, props }: PolicyResource): string | undefined {
    return MACHINE_POOL_IMAGE.test(type) || MACHINE_TEMPLATE.test(type)
        ? capzImageId(props)
        : (props as ScaleSet).virtualMachineProfile?.storageProfile?.imageReference?.id;
}

/**
 * The resources that say which image new nodes start from: scale sets, images of MachinePools, and of the templates of
 * machines those that a MachineDeployment or MachineSet points at.
 */
export function modelsOf(resources: PolicyResource[]): PolicyResource[] {
    const models = [SCALE_SET, MACHINE_POOL_IMAGE].flatMap((type) => resourcesOfType(resources, type));
    return [...models, ...templatesInUse(resources)];
}

function templatesInUse(resources: PolicyResource[]): PolicyResource[] {
    const names = resourcesOfType(resources, INFRASTRUCTURE_REF).map((each) =>
        read(() => (each.props as Partial<InfrastructureRefStatement>).infrastructureRef?.name),
    );
    return resourcesOfType(resources, MACHINE_TEMPLATE).filter((each) => {
        const name = read(() => (each.props as Partial<MachineTemplateStatement>).template);
        return name !== undefined && name !== UNKNOWN && names.includes(name);
    });
}
