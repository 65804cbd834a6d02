// Policy on what somebody else changed in a model since this stack's last run: the configuration says what becomes of
// it.
import type { PolicyConfigSchema, ResourceValidationPolicy } from "@pulumi/policy";
import {
    FOREIGN_CHANGES,
    UPGRADE_SETTINGS,
    changedParts,
    sameImage,
    type ModelRecord,
    type PrototypeStatement,
} from "./contract";
import { bootstraps } from "./extensions";
import { numbers, ofType } from "./resources";

interface DecisionOptions {
    decisions: string[];
}

const decisionOptions: PolicyConfigSchema = {
    properties: {
        decisions: {
            type: "array",
            items: { type: "string", enum: ["restore", "adopt"] },
            default: ["restore", "adopt"],
            description: "What onForeignChange may be configured to do with a model that somebody else has changed.",
        },
    },
};

const scaleSetForeignChangesDecided: ResourceValidationPolicy = {
    name: "scale-set-foreign-changes-decided",
    description:
        "A model whose image, bootstrap or upgrade settings somebody else has changed since the last run is written only as configured.",
    enforcementLevel: "mandatory",
    configSchema: decisionOptions,
    validateResource: ofType<{ statement?: PrototypeStatement }>(
        FOREIGN_CHANGES,
        ({ statement = {} }, args, report) => {
            const { decisions = decisionOptions.properties.decisions.default as string[] } =
                args.getConfig<Partial<DecisionOptions>>();
            const changed = changedByOthers(statement);
            const decision = statement.onForeignChange ?? "stop";
            if (changed.length > 0 && !decisions.includes(decision)) {
                report(
                    `Somebody else has changed ${changed.join(", ")} of the scale set since the last run; onForeignChange ` +
                        `must be ${decisions.join(" or ") || "left alone and the model set right by hand"}, and is ${decision}.`,
                );
            }
        },
    ),
};

/**
 * What somebody else has changed since the last run, of the things that a write would undo or that roll a model out.
 */
function changedByOthers(statement: PrototypeStatement): string[] {
    const { previous, live } = statement;
    const before = previous?.model;
    if (!before || !live || previous.adopted !== true) {
        return [];
    }
    const settings = changedParts(before, live).filter((part) => UPGRADE_SETTINGS.includes(part));
    // Records of earlier versions do not say which extensions there were.
    const added = live.extensions?.filter((text) => before.extensions?.includes(text) === false) ?? [];
    const scripts = added.filter((text) => bootstraps(text.replace(/^.*\/|\)$/g, "")));
    const image = sameImage(before, live) || isOwnChange(live, statement) ? [] : ["image"];
    return [...image, ...scripts.map((text) => `extension ${text}`), ...settings];
}

/**
 * Whether the image is one that this stack has set, or is to set: the pinned version, or one that an update made which
 * failed later and whose outputs were therefore not recorded.
 */
function isOwnChange(
    { image = "" }: Partial<ModelRecord>,
    { previous, imageDefinitionId = "", pin }: PrototypeStatement,
): boolean {
    const prefix = `${imageDefinitionId}/versions/`.toLowerCase();
    if (imageDefinitionId === "" || !image.toLowerCase().startsWith(prefix)) {
        return false;
    }
    const version = numbers(image.slice(prefix.length));
    return version === numbers(pin ?? "") || previous?.versions?.map(numbers).includes(version) !== true;
}

export const foreignChangePolicies = [scaleSetForeignChangesDecided];
