// Policies on scale sets: a change of the model reaches new nodes only, and is at most one image version.
import type { PolicyConfigSchema, ResourceValidationPolicy, StackValidationPolicy } from "@pulumi/policy";
import { BOOTSTRAP_TAG, PROTOTYPE, SCALE_SET, keepsBootstrap, type PrototypeStatement } from "./contract";
import { inputsOf, rememberInputs } from "./inputs";
import {
    isDeclaredAsItIs,
    isOn,
    ofScaleSet,
    ofType,
    parseImageVersionId,
    resourcesOfType,
    typeOfUrn,
    type ScaleSet,
} from "./resources";

const scaleSetManualUpgrades: ResourceValidationPolicy = {
    name: "scale-set-manual-upgrades",
    description: "The upgrade mode of a scale set is Manual, so that a change of its model touches no running node.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet((model, _args, report) => {
        if (!isManual(model)) {
            report(`upgradePolicy.mode must be Manual, and is ${model.upgradePolicy?.mode ?? "not declared"}.`);
        }
    }),
};

/** Whether the upgrade mode is Manual, as it is of a Flexible set without one (decision 37). A Uniform set names it. */
function isManual({ upgradePolicy, orchestrationMode }: ScaleSet): boolean {
    const mode = upgradePolicy?.mode;
    return mode === "Manual" || (mode === undefined && orchestrationMode === "Flexible");
}

const scaleSetNoAutomaticOsUpgrades: ResourceValidationPolicy = {
    name: "scale-set-no-automatic-os-upgrades",
    description: "Azure does not upgrade the OS image of running nodes by itself.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ upgradePolicy }, _args, report) => {
        if (isOn(upgradePolicy?.automaticOSUpgradePolicy?.enableAutomaticOSUpgrade)) {
            report("upgradePolicy.automaticOSUpgradePolicy.enableAutomaticOSUpgrade must be false or left out.");
        }
    }),
};

interface RollingUpgradeOptions {
    allowDormant: boolean;
}

const rollingUpgradeOptions: PolicyConfigSchema = {
    properties: {
        allowDormant: {
            type: "boolean",
            default: true,
            description:
                "Whether a rollingUpgradePolicy may stand in a model whose mode is Manual, where it does nothing.",
        },
    },
};

const scaleSetNoRollingUpgrades: ResourceValidationPolicy = {
    name: "scale-set-no-rolling-upgrades",
    description: "No rolling upgrade policy acts on a change of the model.",
    enforcementLevel: "mandatory",
    configSchema: rollingUpgradeOptions,
    validateResource: ofScaleSet((model, args, report) => {
        const { upgradePolicy } = model;
        const { allowDormant = true } = args.getConfig<Partial<RollingUpgradeOptions>>();
        // Under Manual it lies dormant; under the other modes, and for automatic OS upgrades, it says how the model
        // rolls out.
        const acts = !isManual(model) || isOn(upgradePolicy?.automaticOSUpgradePolicy?.enableAutomaticOSUpgrade);
        if (upgradePolicy?.rollingUpgradePolicy && (acts || !allowDormant)) {
            report(
                `upgradePolicy.rollingUpgradePolicy must be left out${acts ? ": it would roll the model out" : ""}.`,
            );
        }
    }),
};

const scaleSetCapacityNotDeclared: ResourceValidationPolicy = {
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

const scaleSetImagePinned: ResourceValidationPolicy = {
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

const scaleSetNoBootstrapData: ResourceValidationPolicy = {
    name: "scale-set-no-bootstrap-data",
    description:
        "New nodes run no bootstrap: custom data is a cloud-config that does nothing. Where a tag says that nodes join " +
        "by it, it is left out, and so stays.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ virtualMachineProfile, tags }, _args, report) => {
        const customData = virtualMachineProfile?.osProfile?.customData;
        if (keepsBootstrap(tags)) {
            if (customData !== undefined) {
                report(`osProfile.customData must be left out where the tag ${BOOTSTRAP_TAG} says that it is kept.`);
            }
            return;
        }
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
 * Whether cloud-init does nothing with this data (base64, as Azure takes it): a cloud-config of comments and at most an
 * empty map. What the data is goes by its first line; only there are #!, #include and the like no comments.
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

const MUST_RETAIN = "The scale set's resource option retainOnDelete must be true, and stated in scaleSetOptions.";

const scaleSetRetained: ResourceValidationPolicy & StackValidationPolicy = {
    name: "scale-set-retained",
    description: "A scale set outlives the stack: protect and retainOnDelete are set.",
    enforcementLevel: "mandatory",
    validateResource: [
        (args, report) => {
            // Also for the run that adopts a pool: from then on the stack could delete it.
            if (SCALE_SET.test(args.type) && !args.opts.protect) {
                report("The resource option protect must be true, so that pulumi destroy cannot delete the pool.");
            }
            if (SCALE_SET.test(args.type) && !PROTOTYPE.test(typeOfUrn(args.opts.parent))) {
                report("A scale set must be a child of a VmssPrototype, which states its option retainOnDelete.");
            }
        },
        // The engine does not tell policies of retainOnDelete. The component states the very options it hands on.
        ofType<PrototypeStatement>(PROTOTYPE, ({ scaleSetOptions, machinePool, machines }, args, report) => {
            if (machinePool !== undefined || machines !== undefined) {
                args.notApplicable("Cluster API has the scale set: it is not in the stack");
            }
            if (scaleSetOptions?.retainOnDelete !== true) {
                report(MUST_RETAIN);
            }
        }),
        rememberInputs(PROTOTYPE),
    ],
    // A component that says that Cluster API has the scale set could have one all the same.
    validateStack: ({ resources }, report) => {
        for (const { parent, urn } of resourcesOfType(resources, SCALE_SET)) {
            if (!parent || !PROTOTYPE.test(parent.type)) {
                continue;
            }
            const { machinePool, machines, scaleSetOptions } = inputsOf<PrototypeStatement>(parent);
            const isOfCapi = machinePool !== undefined || machines !== undefined;
            if (isOfCapi && scaleSetOptions?.retainOnDelete !== true) {
                report(MUST_RETAIN, urn);
            }
        }
    },
};

const scaleSetNoAutomaticRepairs: ResourceValidationPolicy = {
    name: "scale-set-no-automatic-repairs",
    description: "Azure's instance repairs are off: they would restart or replace a node while its disk is captured.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ automaticRepairsPolicy: repairs }, _args, report) => {
        if (repairs && isOn(repairs.enabled)) {
            // Azure replaces the VM where no action is named.
            report(
                `automaticRepairsPolicy.enabled must be false; it would ${repairs.repairAction ?? "Replace"} a node that is off.`,
            );
        }
    }),
};

const scaleSetNoZoneRebalancing: ResourceValidationPolicy = {
    name: "scale-set-no-zone-rebalancing",
    description:
        "Azure does not rebalance zones: it would delete running nodes without a drain, and make others from the model in their place.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ resiliencyPolicy }, _args, report) => {
        if (isOn(resiliencyPolicy?.automaticZoneRebalancingPolicy?.enabled)) {
            report("resiliencyPolicy.automaticZoneRebalancingPolicy.enabled must be false or left out.");
        }
    }),
};

const scaleSetNoAutomaticPatching: ResourceValidationPolicy = {
    name: "scale-set-no-automatic-patching",
    description: "Azure does not patch running nodes by itself: it would restart them beside kured.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ virtualMachineProfile }, _args, report) => {
        const { patchMode } = virtualMachineProfile?.osProfile?.linuxConfiguration?.patchSettings ?? {};
        if (patchMode?.toLowerCase() === "automaticbyplatform") {
            report(`patchSettings.patchMode must be ImageDefault or left out, and is ${patchMode}.`);
        }
    }),
};

const scaleSetNoOverprovisioning: ResourceValidationPolicy = {
    name: "scale-set-no-overprovisioning",
    description: "Azure starts no surplus VMs: from an image they would join the cluster and vanish without a drain.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ overprovision }, _args, report) => {
        if (isOn(overprovision)) {
            report("overprovision must be false.");
        }
    }),
};

const scaleSetNoDataDisks: ResourceValidationPolicy = {
    name: "scale-set-no-data-disks",
    description: "New nodes have an OS disk only: nothing on them would format and mount another one.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ virtualMachineProfile }, _args, report) => {
        const count = virtualMachineProfile?.storageProfile?.dataDisks?.length ?? 0;
        if (count > 0) {
            report(`storageProfile.dataDisks must be empty; there ${count === 1 ? "is 1" : `are ${count}`}.`);
        }
    }),
};

const scaleSetAdoption: ResourceValidationPolicy = {
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
    scaleSetManualUpgrades,
    scaleSetNoAutomaticOsUpgrades,
    scaleSetNoRollingUpgrades,
    scaleSetCapacityNotDeclared,
    scaleSetImagePinned,
    scaleSetNoBootstrapData,
    scaleSetRetained,
    scaleSetNoAutomaticRepairs,
    scaleSetNoZoneRebalancing,
    scaleSetNoAutomaticPatching,
    scaleSetNoOverprovisioning,
    scaleSetNoDataDisks,
    scaleSetAdoption,
];
