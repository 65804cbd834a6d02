// Policies on image versions: made from a disk that this stack took, replicated, and there while a model points at
// them.
import type {
    PolicyConfigSchema,
    PolicyResource,
    ResourceValidationPolicy,
    StackValidationPolicy,
} from "@pulumi/policy";
import { inputsOf, rememberInputs, type WholeStackPolicy } from "./inputs";
import { CAPTURE, IMAGE_DEFINITION, IMAGE_VERSION } from "./contract";
import { isJudged, ofTypeInScope, onlyScope, scopeOptions } from "./ofKamino";
import {
    UNKNOWN,
    imageIdOf,
    isDeclaredAsItIs,
    modelsOf,
    numbers,
    parseImageVersionId,
    placeOf,
    previousOf,
    read,
    warnOfUnknown,
    resourcesOfType,
    selectionOf,
    statementOf,
    type ImageDefinition,
    type ImageVersion,
    type ImageVersionId,
} from "./resources";

const imageVersionFromSnapshot: ResourceValidationPolicy = {
    name: "image-version-from-snapshot",
    description:
        "An image version is made from a snapshot of an OS disk or from a cleaned copy of one, and from nothing else.",
    enforcementLevel: "mandatory",
    configSchema: onlyScope,
    validateResource: ofTypeInScope<Partial<ImageVersion>>(IMAGE_VERSION, ({ storageProfile }, args, report) => {
        const { source, osDiskImage, dataDiskImages } = storageProfile ?? {};
        const others = [
            source && "storageProfile.source",
            dataDiskImages && dataDiskImages.length > 0 && "storageProfile.dataDiskImages",
            osDiskImage?.source?.storageAccountId && "osDiskImage.source.storageAccountId",
            osDiskImage?.source?.uri && "osDiskImage.source.uri",
        ].filter((other) => typeof other === "string");
        if (others.length > 0) {
            report(`The only source must be storageProfile.osDiskImage.source.id; there is also ${others.join(", ")}.`);
        }
        const id = read(() => osDiskImage?.source?.id);
        if (id === UNKNOWN) {
            // So it is in every preview of a bump, which is not a cause for a warning: the policy below goes by the
            // dependency then.
            return args.notApplicable("the snapshot is yet to be taken");
        }
        // A disk by the name that captures give to copies, numbered from the second copy on. A disk of another name
        // may be a VM's.
        if (!/\/providers\/Microsoft\.Compute\/(?:snapshots\/[^/]+|disks\/kamino-[^/]+-copy\d*)$/i.test(id ?? "")) {
            report(
                `storageProfile.osDiskImage.source.id must be a snapshot's id, or that of a capture's copy; it is: ${id ?? "none"}.`,
            );
        }
    }),
};

const imageVersionFromCapture: StackValidationPolicy = {
    name: "image-version-from-capture",
    description: "The snapshot that an image version is made from was taken by a capture of this stack.",
    enforcementLevel: "mandatory",
    configSchema: onlyScope,
    validateStack: (args, report) => {
        const captures = resourcesOfType(args.resources, CAPTURE);
        const versions = resourcesOfType(args.resources, IMAGE_VERSION);
        for (const version of versions.filter((each) => isJudged(each, args.getConfig()))) {
            if (!isFromCapture(version, captures)) {
                report(
                    `${version.name} must be made from the output snapshotId of an OsDiskCapture in this stack.`,
                    version.urn,
                );
            }
        }
    },
};

/**
 * By value where both are known; in a preview by the dependency, since a snapshot that is yet to be taken has no id.
 */
function isFromCapture(version: PolicyResource, captures: PolicyResource[]): boolean {
    const source = read(() => (version.props as Partial<ImageVersion>).storageProfile?.osDiskImage?.source?.id);
    // A capture that is yet to run does not have this output in a preview.
    const snapshots = captures.map(({ props }) => read(() => props.snapshotId as string | undefined));
    if (typeof source === "string") {
        return snapshots.some((id) => typeof id === "string" && id.toLowerCase() === source.toLowerCase());
    }
    const dependencies = version.propertyDependencies.storageProfile ?? [];
    return source === UNKNOWN && dependencies.some(({ type }) => CAPTURE.test(type));
}

interface ReplicaOptions {
    minimum: number;
}

const replicaOptions: PolicyConfigSchema = {
    properties: {
        minimum: {
            type: "integer",
            minimum: 1,
            default: 2,
            description: "Least number of replicas of an image version in each of its regions.",
        },
        ...scopeOptions,
    },
};

const imageVersionReplicas: ResourceValidationPolicy = {
    name: "image-version-replicas",
    description:
        "An image version has enough replicas in each region that new nodes still start when one is lost or busy.",
    enforcementLevel: "mandatory",
    configSchema: replicaOptions,
    validateResource: ofTypeInScope<ImageVersion>(IMAGE_VERSION, ({ publishingProfile }, args, report) => {
        const { minimum = replicaOptions.properties.minimum.default as number } =
            args.getConfig<Partial<ReplicaOptions>>();
        // Azure makes one replica where no number is given.
        const usual = publishingProfile?.replicaCount ?? 1;
        const regions = publishingProfile?.targetRegions ?? [];
        const counts = regions.map(({ name, regionalReplicaCount }) => ({
            name,
            count: regionalReplicaCount ?? usual,
        }));
        for (const { name, count } of counts.length > 0 ? counts : [{ name: "its region", count: usual }]) {
            if (count < minimum) {
                report(`There must be at least ${minimum} replicas in ${name}; there is ${count}.`);
            }
        }
    }),
};

const imageVersionInUseNotRetired: WholeStackPolicy = {
    name: "image-version-in-use-not-retired",
    description: "The image version that new nodes start from has no end of life and is not excluded from latest.",
    enforcementLevel: "mandatory",
    validateResource: rememberInputs(IMAGE_VERSION),
    validateStack: ({ resources }, report) => {
        const used = versionsInUse(resources);
        for (const version of resourcesOfType(resources, IMAGE_VERSION)) {
            if (used.some(({ id }) => placeOfVersion(id) === placeOfInputs(version))) {
                const { publishingProfile } = inputsOf<ImageVersion>(version);
                const excluded = publishingProfile?.targetRegions?.some(({ excludeFromLatest }) => excludeFromLatest);
                if (publishingProfile?.endOfLifeDate) {
                    report(`${version.name} is in use: publishingProfile.endOfLifeDate must be left out.`, version.urn);
                }
                if (publishingProfile?.excludeFromLatest === true || excluded) {
                    report(`${version.name} is in use: excludeFromLatest must be false or left out.`, version.urn);
                }
            }
        }
        warnOfUnknownImages(resources);
    },
};

const imageVersionInUseStays: WholeStackPolicy = {
    name: "image-version-in-use-stays",
    description: "The image version that a model of this stack points at is neither deleted nor replaced.",
    enforcementLevel: "mandatory",
    validateResource: [rememberInputs(IMAGE_VERSION), rememberInputs(IMAGE_DEFINITION)],
    validateStack: ({ resources }, report) => {
        const versions = new Map(resourcesOfType(resources, IMAGE_VERSION).map((v) => [placeOfInputs(v), v]));
        const definitions = new Set(resourcesOfType(resources, IMAGE_DEFINITION).map(placeOfDefinition));
        for (const { model, id } of versionsInUse(resources)) {
            const version = versions.get(placeOfVersion(id));
            const wasThere = hasVersion(previousOf(model).versions, id.version);
            const isOurs = wasThere || definitions.has(placeOf(id.resourceGroup, id.gallery, id.definition));
            if (
                !version &&
                isOurs &&
                !isOfOthers(model, id.version, resources) &&
                !isLost(model, id.version, resources)
            ) {
                report(
                    `New nodes of ${model.name} start from version ${id.version}: it must stay in the stack, or be named by the ` +
                        "pool's pin if the stack never had it.",
                    model.urn,
                );
            } else if (version && wasThere) {
                // One that this run makes is protected from the next run on: Azure may fail to make it, and then it has
                // to go.
                const stays = read(() => statementOf(model).retained);
                // The engine does not tell policies of retainOnDelete: the component states which version has it.
                const missing = [
                    !version.opts.protect && "protect",
                    stays !== UNKNOWN && !hasVersion([stays], id.version) && "retainOnDelete",
                ].filter((option) => option !== false);
                if (missing.length > 0) {
                    const options = missing.join(" and ");
                    report(
                        `New nodes of ${model.name} start from ${version.name}: its option ${options} must be true.`,
                        version.urn,
                    );
                }
            }
        }
        warnOfUnknownImages(resources);
    },
};

/**
 * Whether the stack's definition has a version from somebody else that a model may point at: one that the pool's pin
 * names, that the last update left the model at, or that this run leaves it at as it adopts the pool, and that is not
 * among the versions of the last update or of this one.
 */
function isOfOthers(model: PolicyResource, version: string, resources: PolicyResource[]): boolean {
    const { version: current, versions } = previousOf(model);
    const choices = read(() => selectionOf(model, resources)?.props.versions as { version: string }[] | undefined);
    if (choices === UNKNOWN || hasVersion([...(versions ?? []), ...(choices ?? []).map(versionOf)], version)) {
        return false;
    }
    // A model that is declared as it is (a pool that comes back to its stack, say) is pointed at nothing by this run.
    return isDeclaredAsItIs(model.opts) || hasVersion([statementOf(model).pin, current], version);
}

/**
 * Whether the selection says that the gallery does not have the version any more, so that there is nothing to keep. One
 * that the stack's state still has is protected there, whatever the selection says.
 */
function isLost(model: PolicyResource, version: string, resources: PolicyResource[]): boolean {
    const choices = read(() => selectionOf(model, resources)?.props.versions as Chosen[] | undefined);
    const missing = choices === UNKNOWN ? [] : (choices ?? []).filter((choice) => choice.missing === true);
    return hasVersion(missing.map(versionOf), version);
}

interface Chosen {
    version: string;
    missing?: boolean;
}

const versionOf = ({ version }: { version: string }) => version;

/** Whether a version is among others, by its numbers. */
function hasVersion(others: (string | undefined)[] = [], version: string): boolean {
    return others.some((other) => other !== undefined && numbers(other) === numbers(version));
}

const imageVersionInUseNotFailed: StackValidationPolicy = {
    name: "image-version-in-use-not-failed",
    description:
        "New nodes do not start from an image version that the configuration rejects, nor from one that made no node, unless the " +
        "configuration trusts it.",
    enforcementLevel: "mandatory",
    validateStack: ({ resources }, report) => {
        for (const { model, id } of versionsInUse(resources)) {
            const { reject = [], trust = [] } = statementOf(model);
            const failed = (selectionOf(model, resources)?.props.failed ?? []) as {
                version: string;
                machines: number;
                late: string[];
            }[];
            const failure = failed.find(({ version }) => hasVersion([version], id.version));
            if (hasVersion(reject, id.version)) {
                report(`${model.name} points at version ${id.version}, which the configuration rejects.`, model.urn);
            } else if (failure && !hasVersion(trust, id.version)) {
                const { machines, late } = failure;
                report(
                    `${model.name} points at version ${id.version}, which failed: ${late.length} of ${machines} machines made from it ` +
                        `were not Ready in time (${late.join(", ")}). Add it to trust to use it all the same.`,
                    model.urn,
                );
            }
        }
        warnOfUnknownImages(resources);
    },
};

/** The image versions that new nodes of the stack's pools start from, as far as they are known. */
function versionsInUse(resources: PolicyResource[]): { model: PolicyResource; id: ImageVersionId }[] {
    return modelsOf(resources).flatMap((model) => {
        const image = read(() => imageIdOf(model));
        const id = typeof image === "string" ? parseImageVersionId(image) : undefined;
        return id ? [{ model, id }] : [];
    });
}

function warnOfUnknownImages(resources: PolicyResource[]): void {
    warnOfUnknown(...modelsOf(resources).map((model) => () => imageIdOf(model)));
}

function placeOfVersion({ resourceGroup, gallery, definition, version }: ImageVersionId): string {
    return placeOf(resourceGroup, gallery, definition, version);
}

function placeOfInputs(version: PolicyResource): string {
    const { resourceGroupName, galleryName, galleryImageName, galleryImageVersionName } =
        inputsOf<ImageVersion>(version);
    return placeOf(resourceGroupName, galleryName, galleryImageName, galleryImageVersionName ?? version.name);
}

function placeOfDefinition(definition: PolicyResource): string {
    const { resourceGroupName, galleryName, galleryImageName } = inputsOf<ImageDefinition>(definition);
    return placeOf(resourceGroupName, galleryName, galleryImageName ?? definition.name);
}

export const imageVersionPolicies = [
    imageVersionFromSnapshot,
    imageVersionFromCapture,
    imageVersionReplicas,
    imageVersionInUseNotRetired,
    imageVersionInUseStays,
    imageVersionInUseNotFailed,
];
