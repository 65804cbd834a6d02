// Policies on scale sets: a change of the model reaches new nodes only, and is no more than one image version.
import type { ResourceValidationPolicy } from "@pulumi/policy";
import picomatch from "picomatch";
import { extensionOptions, rollingUpgradeOptions, type ExtensionOptions, type RollingUpgradeOptions } from "./options";
import {
    PROTOTYPE,
    SCALE_SET,
    isDeclaredAsItIs,
    ofScaleSet,
    ofType,
    parseImageVersionId,
    type Extension,
    type ScaleSet,
} from "./resources";

const manualUpgrades: ResourceValidationPolicy = {
    name: "scale-set-manual-upgrades",
    description: "The upgrade mode of a scale set is Manual, so that a change of its model touches no running node.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ upgradePolicy }, _args, report) => {
        if (upgradePolicy?.mode !== "Manual") {
            report(`upgradePolicy.mode must be Manual, and is ${upgradePolicy?.mode ?? "not declared"}.`);
        }
    }),
};

const noAutomaticOsUpgrades: ResourceValidationPolicy = {
    name: "scale-set-no-automatic-os-upgrades",
    description: "Azure does not upgrade the OS image of running nodes by itself.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ upgradePolicy }, _args, report) => {
        if (upgradePolicy?.automaticOSUpgradePolicy?.enableAutomaticOSUpgrade === true) {
            report("upgradePolicy.automaticOSUpgradePolicy.enableAutomaticOSUpgrade must be false or left out.");
        }
    }),
};

const noRollingUpgrades: ResourceValidationPolicy = {
    name: "scale-set-no-rolling-upgrades",
    description: "No rolling upgrade policy acts on a change of the model.",
    enforcementLevel: "mandatory",
    configSchema: rollingUpgradeOptions,
    validateResource: ofScaleSet(({ upgradePolicy }, args, report) => {
        const { allowDormant = true } = args.getConfig<Partial<RollingUpgradeOptions>>();
        // Under Manual it lies dormant; under the other modes, and for automatic OS upgrades, it says how the model rolls out.
        const acts =
            upgradePolicy?.mode !== "Manual" ||
            upgradePolicy.automaticOSUpgradePolicy?.enableAutomaticOSUpgrade === true;
        if (upgradePolicy?.rollingUpgradePolicy && (acts || !allowDormant)) {
            report(
                `upgradePolicy.rollingUpgradePolicy must be left out${acts ? ": it would roll the model out" : ""}.`,
            );
        }
    }),
};

const capacityNotDeclared: ResourceValidationPolicy = {
    name: "scale-set-capacity-not-declared",
    description: "The number of nodes stays with the autoscaler: neither sku nor capacity is declared.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ sku }, _args, report) => {
        if (sku) {
            // Azure keeps the capacity when a PUT has no sku (Azure/vm-scale-sets#70); a declared one is stale at once.
            report("sku must be left out; a declared capacity would add or remove nodes.");
        }
    }),
};

const imagePinned: ResourceValidationPolicy = {
    name: "scale-set-image-pinned",
    description: "New nodes start from one gallery image version, never from whatever is latest.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ virtualMachineProfile }, _args, report) => {
        const { id, ...others } = virtualMachineProfile?.storageProfile?.imageReference ?? {};
        const also = Object.entries(others).flatMap(([name, value]) => (value ? [name] : []));
        if (id === undefined || !parseImageVersionId(id)) {
            const is =
                id ??
                (also.map((name) => `${name} ${String(others[name as keyof typeof others])}`).join(", ") || "none");
            report(
                `imageReference.id must be the id of one version in a gallery (…/images/NAME/versions/N.N.N); it is: ${is}.`,
            );
        } else if (also.length > 0) {
            report(`imageReference must have an id only; it also has ${also.join(", ")}.`);
        }
    }),
};

/** Azure's script extensions: CustomScript (Linux, now), CustomScriptForLinux (before), CustomScriptExtension (Windows). */
const SCRIPT_EXTENSION = /^customscript/i;

const extensionsAllowed: ResourceValidationPolicy = {
    name: "scale-set-extensions",
    description: "New nodes run no bootstrap: the model has only allow-listed extensions, and no script among them.",
    enforcementLevel: "mandatory",
    configSchema: extensionOptions,
    validateResource: ofScaleSet(({ virtualMachineProfile }, args, report) => {
        const { allowed = extensionOptions.properties.allowed.default as string[] } =
            args.getConfig<Partial<ExtensionOptions>>();
        for (const extension of virtualMachineProfile?.extensionProfile?.extensions ?? []) {
            const { name, publisher, type } = extension;
            const what = `extension "${name ?? ""}" (${publisher ?? ""}/${type ?? ""})`;
            if (SCRIPT_EXTENSION.test(type ?? "")) {
                report(`${what} is a script and must be removed.`);
            } else if (!isAllowed(extension, allowed)) {
                report(`${what} must be removed, or its name or publisher/type be listed in this policy's "allowed".`);
            }
        }
    }),
};

function isAllowed({ name, publisher, type }: Extension, allowed: string[]): boolean {
    const names = [name ?? "", `${publisher ?? ""}/${type ?? ""}`].filter((text) => text !== "");
    return names.some((text) => picomatch.isMatch(text, allowed, { nocase: true, dot: true }));
}

const noBootstrapData: ResourceValidationPolicy = {
    name: "scale-set-no-bootstrap-data",
    description: "New nodes run no bootstrap: custom data is a cloud-config that does nothing.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ virtualMachineProfile }, _args, report) => {
        const customData = virtualMachineProfile?.osProfile?.customData;
        if (customData === undefined) {
            // Azure never gives custom data back, and keeps what a PUT leaves out.
            report(
                "osProfile.customData must be declared as a cloud-config that does nothing: left out, the old one stays.",
            );
        } else if (!doesNothing(customData)) {
            report("osProfile.customData must be a cloud-config that does nothing (#cloud-config and {}, in base64).");
        }
        // cloud-init takes user data where there is no custom data.
        const { userData } = virtualMachineProfile ?? {};
        if (userData && !doesNothing(userData)) {
            report("virtualMachineProfile.userData must be left out or do nothing.");
        }
    }),
};

/**
 * Whether cloud-init does nothing with this data (base64, as Azure takes it): a cloud-config of comments and at most an empty
 * map. What the data is goes by its first line; only there are #!, #include and the like no comments.
 * https://cloudinit.readthedocs.io/en/latest/explanation/format.html
 */
function doesNothing(base64: string): boolean {
    const lines = Buffer.from(base64, "base64").toString("utf8").split(/\r?\n/);
    const filled = lines.map((line) => line.trim()).filter((line) => line !== "");
    if (/^#[!a-z]/i.test(filled[0] ?? "") && filled[0] !== "#cloud-config") {
        return false;
    }
    const content = filled.filter((line) => !line.startsWith("#"));
    return content.length === 0 || (content.length === 1 && content[0] === "{}");
}

const keptOnDestroy: ResourceValidationPolicy = {
    name: "scale-set-kept",
    description: "A scale set outlives the stack: protect and retainOnDelete are set.",
    enforcementLevel: "mandatory",
    validateResource: [
        (args, report) => {
            // Also for the run that adopts a pool: from then on the stack could delete it.
            if (SCALE_SET.test(args.type) && !args.opts.protect) {
                report("The resource option protect must be true, so that pulumi destroy cannot delete the pool.");
            }
        },
        // The engine does not tell policies of retainOnDelete. The component states the very options it hands on.
        ofType<{ scaleSetOptions?: { retainOnDelete?: boolean } }>(PROTOTYPE, (props, _args, report) => {
            if (props.scaleSetOptions?.retainOnDelete !== true) {
                report("The scale set's resource option retainOnDelete must be true, and stated in scaleSetOptions.");
            }
        }),
    ],
};

const noReimagingRepairs: ResourceValidationPolicy = {
    name: "scale-set-no-reimaging-repairs",
    description: "Azure's instance repairs do not reimage or replace nodes behind the cluster's back.",
    enforcementLevel: "advisory",
    validateResource: ofScaleSet(({ automaticRepairsPolicy: repairs }, _args, report) => {
        // Azure replaces the VM where no action is named.
        const action = repairs?.repairAction ?? "Replace";
        if (repairs?.enabled === true && action !== "Restart") {
            report(
                `automaticRepairsPolicy should be off or restart only: ${action} gives a failing node the model's image.`,
            );
        }
    }),
};

const adoptionSaid: ResourceValidationPolicy = {
    name: "scale-set-adoption",
    description: "Says when a pool is let through because this run only adopts it.",
    enforcementLevel: "advisory",
    validateResource: ofType<ScaleSet>(SCALE_SET, (_model, args, report) => {
        if (isDeclaredAsItIs(args.opts)) {
            report(
                `${args.name} is let through: this run takes the pool into the stack as it is and changes nothing of it ` +
                    `(ignoreChanges ["*"]). All policies apply from the run on that changes its model.`,
            );
        }
    }),
};

export const scaleSetPolicies = [
    manualUpgrades,
    noAutomaticOsUpgrades,
    noRollingUpgrades,
    capacityNotDeclared,
    imagePinned,
    extensionsAllowed,
    noBootstrapData,
    keptOnDestroy,
    noReimagingRepairs,
    adoptionSaid,
];
