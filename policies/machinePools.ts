// Policies on pools that Cluster API has: a changed image or template replaces no machine, and is one version of a
// gallery.
import type { ReportViolation, ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";
import {
    INFRASTRUCTURE_REF,
    MACHINE_POOL_IMAGE,
    MACHINE_TEMPLATE,
    keepsMachines,
    neverRollsOut,
    type InfrastructureRefStatement,
    type MachinePoolStatement,
    type MachineTemplateStatement,
} from "./contract";
import { capzImageId, ofType, parseImageVersionId } from "./resources";

/** Refuses what may be more than one version. */
function refuseUnpinned(
    statement: Partial<MachinePoolStatement | MachineTemplateStatement>,
    _args: ResourceValidationArgs,
    report: ReportViolation,
): void {
    if (!parseImageVersionId(capzImageId(statement))) {
        report(
            `computeGallery must name subscription, resource group, gallery, image and one version; it is: ${JSON.stringify(statement.computeGallery)}.`,
        );
    }
}

const machinePoolNoRollout: ResourceValidationPolicy = {
    name: "machine-pool-no-rollout",
    description:
        "A MachinePool is set so that a changed image replaces none of its machines: maxSurge 0 with maxUnavailable 0% or " +
        "CAPZ's gate, or replicas that another program manages.",
    enforcementLevel: "mandatory",
    // What else is declared is not read: a preview may not know it, and what it does not know is no more than advice.
    validateResource: ofType<Partial<MachinePoolStatement>>(MACHINE_POOL_IMAGE, (stated, _args, report) => {
        const { machinePool = "without a name", noRollout: set } = stated;
        const noRollout = { maxSurge: "unknown", maxUnavailable: "unknown", ...set };
        const { maxSurge, maxUnavailable, skipsModelReconciliation } = noRollout;
        if (!neverRollsOut(noRollout)) {
            const gate = skipsModelReconciliation === true ? "on" : "not seen to be on";
            report(
                `MachinePool ${machinePool} would roll the image out: maxSurge is ${maxSurge} and must be 0; maxUnavailable is ` +
                    `${maxUnavailable} and must be 0%, unless CAPZ's gate SkipMachinePoolModelReconciliation is on (it is ${gate}).`,
            );
        }
    }),
};

const machinePoolImagePinned: ResourceValidationPolicy = {
    name: "machine-pool-image-pinned",
    description: "New machines of a MachinePool start from one gallery image version, never from whatever is latest.",
    enforcementLevel: "mandatory",
    validateResource: ofType<Partial<MachinePoolStatement>>(MACHINE_POOL_IMAGE, refuseUnpinned),
};

const machinesNoRollout: ResourceValidationPolicy = {
    name: "machines-no-rollout",
    description:
        "A MachineDeployment has the strategy OnDelete, so that another template replaces none of its machines.",
    enforcementLevel: "mandatory",
    validateResource: ofType<Partial<InfrastructureRefStatement>>(INFRASTRUCTURE_REF, (stated, _args, report) => {
        const { machines = "MachineDeployment without a name", strategy } = stated;
        if (!keepsMachines({ machines, strategy })) {
            report(
                `${machines} would roll the template out: its strategy is ${strategy ?? "not known"} and must be OnDelete.`,
            );
        }
    }),
};

const machineTemplatePinned: ResourceValidationPolicy = {
    name: "machine-template-pinned",
    description: "A template's machines start from one gallery image version, never from whatever is latest.",
    enforcementLevel: "mandatory",
    validateResource: ofType<Partial<MachineTemplateStatement>>(MACHINE_TEMPLATE, refuseUnpinned),
};

export const machinePoolPolicies = [
    machinePoolNoRollout,
    machinePoolImagePinned,
    machinesNoRollout,
    machineTemplatePinned,
];
