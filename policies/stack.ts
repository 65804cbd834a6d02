// Policies on an update as a whole: how many pools it bumps, what else a bump changes, and that adopting is done once.
import type { PolicyConfigSchema, PolicyResource, StackValidationPolicy } from "@pulumi/policy";
import { inputsOf, rememberInputs, type WholeStackPolicy } from "./inputs";
import { SCALE_SET, changedParts, recordOf, sameImage, type ModelRecord } from "./contract";
import {
    UNKNOWN,
    imageIdOf,
    isDeclaredAsItIs,
    modelsOf,
    previousOf,
    read,
    resourcesOfType,
    selectionOf,
    statementOf,
    warnOfUnknown,
} from "./resources";

interface BumpOptions {
    maximum?: number;
}

const bumpOptions: PolicyConfigSchema = {
    properties: {
        maximum: {
            type: "integer",
            minimum: 1,
            description: "Most pools whose image may change in one update; all of them when not set.",
        },
    },
};

const updateBumpsFewPools: StackValidationPolicy = {
    name: "update-bumps-few-pools",
    description: "One update changes the image of a limited number of pools.",
    enforcementLevel: "mandatory",
    configSchema: bumpOptions,
    validateStack: (args, report) => {
        const { maximum } = args.getConfig<BumpOptions>();
        if (maximum === undefined) {
            return args.notApplicable("no maximum is configured");
        }
        const bumped = modelsInFull(args.resources).filter((model) => {
            const image = read(() => imageIdOf(model));
            // What is not known, or was not recorded, counts: a limit that ignores those does not limit.
            return image === UNKNOWN || image?.toLowerCase() !== recordedImage(previousOf(model).model);
        });
        if (bumped.length > maximum) {
            const names = bumped.map(({ name }) => name).join(", ");
            report(
                `At most ${maximum} may change per update; ${bumped.length} would: ${names}. Keep the others at the image that they have ` +
                    `with "pin" in kamino:pools, and take the pins away in later updates.`,
            );
        }
    },
};

interface PartOptions {
    mayChange: string[];
}

const partOptions: PolicyConfigSchema = {
    properties: {
        mayChange: {
            type: "array",
            items: { type: "string" },
            default: [],
            description:
                "Parts of a model that may change together with its image, named as in the violation " +
                "(virtualMachineProfile.networkProfile, say, which the in-cluster cloud provider writes).",
        },
    },
};

const bumpChangesImageOnly: WholeStackPolicy = {
    name: "bump-changes-image-only",
    description:
        "A bump changes nothing of a model but image, extensions and custom data, so that no drift rides along unseen.",
    enforcementLevel: "advisory",
    configSchema: partOptions,
    validateResource: rememberInputs(SCALE_SET),
    validateStack: (args, report) => {
        const { mayChange = [] } = args.getConfig<Partial<PartOptions>>();
        for (const scaleSet of declaredInFull(args.resources)) {
            const message = driftOf(scaleSet, previousOf(scaleSet).model, mayChange);
            if (message) {
                report(message, scaleSet.urn);
            }
        }
        warnOfUnknown(...declaredInFull(args.resources).map((scaleSet) => () => recordOf(inputsOf(scaleSet))));
    },
};

/** What rides along with a scale set's bump, in words, or undefined when nothing does. */
function driftOf(scaleSet: PolicyResource, before: ModelRecord | undefined, mayChange: string[]): string | undefined {
    const { name } = scaleSet;
    if (!before) {
        return `${name} has no record of the model declared before, so what else changes cannot be told; read its diff.`;
    }
    const now = read(() => recordOf(inputsOf(scaleSet)));
    if (now === UNKNOWN) {
        return undefined;
    }
    const parts = changedParts(before, now).filter((part) => !mayChange.includes(part));
    if (sameImage(before, now) || parts.length === 0) {
        return undefined;
    }
    return (
        `With the image of ${name} these parts of its model change as well: ${parts.join(", ")}. ` +
        `They were changed in Azure since the last update; read them in the diff, or list them in "mayChange".`
    );
}

const scaleSetAdoptedOnce: StackValidationPolicy = {
    name: "scale-set-adopted-once",
    description: "Only the run that takes a pool into the stack declares it as it is; the runs after it are checked.",
    enforcementLevel: "mandatory",
    validateStack: ({ resources }, report) => {
        for (const scaleSet of asItIs(resources)) {
            if (read(() => scaleSet.props.provisioningState as unknown) === UNKNOWN) {
                // What is imported is read, so its state is known even in a preview.
                report(`${scaleSet.name} would be created, not adopted: ignoreChanges ["*"] must go.`, scaleSet.urn);
            } else if (
                previousOf(scaleSet).adopted &&
                !waitsForImage(scaleSet, resources) &&
                !acceptsForeignImage(scaleSet)
            ) {
                report(
                    `${scaleSet.name} was adopted before: it must be declared in full, without ignoreChanges ["*"].`,
                    scaleSet.urn,
                );
            }
        }
    },
};

const scaleSetNeverCreated: StackValidationPolicy = {
    name: "scale-set-never-created",
    description:
        "A scale set is adopted, never created: one that the stack's state does not have is declared as it is.",
    enforcementLevel: "mandatory",
    validateStack: ({ resources }, report) => {
        for (const scaleSet of declaredInFull(resources)) {
            // The engine does not tell policies what the state has. The component states what it knows; one that states
            // nothing (a first run, say) knows of no adoption.
            if (previousOf(scaleSet).adopted !== true) {
                report(
                    `${scaleSet.name} is not in the stack and would be created: it must be adopted first, with import and ` +
                        `ignoreChanges ["*"].`,
                    scaleSet.urn,
                );
            }
        }
    },
};

/** Whether a pool has no image yet, so that there is nothing to change in its model. */
function waitsForImage(scaleSet: PolicyResource, resources: PolicyResource[]): boolean {
    const selection = selectionOf(scaleSet, resources);
    return selection !== undefined && read(() => selection.props.current as string) === "";
}

/**
 * Whether the model points at somebody else's image, which the configuration accepted until this stack has a newer one.
 */
function acceptsForeignImage(scaleSet: PolicyResource): boolean {
    const { accepted, live } = statementOf(scaleSet);
    return accepted?.image !== undefined && recordedImage(accepted) === recordedImage(live);
}

/** The image of a record, without case; undefined where there is no record. */
function recordedImage({ image }: { image?: string } = {}): string | undefined {
    return image?.toLowerCase();
}

function asItIs(resources: PolicyResource[]): PolicyResource[] {
    return resourcesOfType(resources, SCALE_SET).filter(({ opts }) => isDeclaredAsItIs(opts));
}

function modelsInFull(resources: PolicyResource[]): PolicyResource[] {
    return modelsOf(resources).filter(({ opts }) => !isDeclaredAsItIs(opts));
}

function declaredInFull(resources: PolicyResource[]): PolicyResource[] {
    return resourcesOfType(resources, SCALE_SET).filter(({ opts }) => !isDeclaredAsItIs(opts));
}

export const stackPolicies = [updateBumpsFewPools, bumpChangesImageOnly, scaleSetAdoptedOnce, scaleSetNeverCreated];
