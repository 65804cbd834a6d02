// Policies on what the stack puts into Kubernetes: the scheduled run is an ordinary pod, and no role has a wildcard.
import type { PolicyConfigSchema, ReportViolation, ResourceValidationPolicy } from "@pulumi/policy";
import type { types } from "@pulumi/kubernetes";
import type { Unwrap } from "@pulumi/pulumi";
import { ofTypeInScope, onlyScope, scopeOptions } from "./ofKamino";

type PodSpec = Partial<Unwrap<types.input.core.v1.PodSpec>>;
type CronJob = { spec?: { jobTemplate?: { spec?: { template?: { spec?: PodSpec } } } } };
type Container = Unwrap<types.input.core.v1.Container>;
type Role = { rules?: Unwrap<types.input.rbac.v1.PolicyRule>[] };

const CRON_JOB = /^kubernetes:batch\/\w+:CronJob$/;
const ROLE = /^kubernetes:rbac\.authorization\.k8s\.io\/\w+:(Cluster)?Role$/;

/** A validation of the pod of each CronJob and of all its containers. */
function ofCronJobPod(
    validate: (pod: PodSpec, containers: Container[], report: ReportViolation, config: object) => void,
) {
    return ofTypeInScope<CronJob>(CRON_JOB, ({ spec }, args, report) => {
        const pod = spec?.jobTemplate?.spec?.template?.spec;
        if (pod) {
            validate(pod, [...(pod.initContainers ?? []), ...(pod.containers ?? [])], report, args.getConfig());
        }
    });
}

const cronJobNotPrivileged: ResourceValidationPolicy = {
    name: "cron-job-not-privileged",
    description: "The scheduled run is not privileged and shares nothing with its node.",
    enforcementLevel: "mandatory",
    configSchema: onlyScope,
    validateResource: ofCronJobPod((pod, containers, report) => {
        for (const name of ["hostNetwork", "hostPID", "hostIPC"] as const) {
            if (pod[name]) {
                report(`${name} must be left out.`);
            }
        }
        for (const { name } of (pod.volumes ?? []).filter(({ hostPath }) => hostPath)) {
            report(`Volume "${name}" must not be a hostPath.`);
        }
        for (const { name, securityContext } of containers) {
            if (securityContext?.privileged) {
                report(`Container "${name}" must not be privileged.`);
            }
            // Left out it is true: Kubernetes' default.
            if (securityContext?.allowPrivilegeEscalation !== false) {
                report(`Container "${name}" must set securityContext.allowPrivilegeEscalation to false.`);
            }
        }
    }),
};

const cronJobNonRoot: ResourceValidationPolicy = {
    name: "cron-job-non-root",
    description: "The scheduled run does not run as root.",
    enforcementLevel: "mandatory",
    configSchema: onlyScope,
    validateResource: ofCronJobPod((pod, containers, report) => {
        for (const { name, securityContext } of containers) {
            // A container's own setting goes before its pod's.
            if ((securityContext?.runAsNonRoot ?? pod.securityContext?.runAsNonRoot) !== true) {
                report(`Container "${name}" must have runAsNonRoot true, its own or its pod's.`);
            }
            if ((securityContext?.runAsUser ?? pod.securityContext?.runAsUser) === 0) {
                report(`Container "${name}" must not have runAsUser 0.`);
            }
        }
    }),
};

interface LimitOptions {
    resources: string[];
}

const limitOptions: PolicyConfigSchema = {
    properties: {
        resources: {
            type: "array",
            items: { type: "string", enum: ["cpu", "memory", "ephemeral-storage"] },
            default: ["cpu", "memory"],
            description: "Resources for which each container needs a limit.",
        },
        ...scopeOptions,
    },
};

const cronJobLimits: ResourceValidationPolicy = {
    name: "cron-job-limits",
    description: "The scheduled run cannot take a node's resources from the workloads beside it.",
    enforcementLevel: "mandatory",
    configSchema: limitOptions,
    validateResource: ofCronJobPod((_pod, containers, report, config) => {
        const { resources: needed = limitOptions.properties.resources.default as string[] } =
            config as Partial<LimitOptions>;
        for (const { name, resources } of containers) {
            const missing = needed.filter((resource) => resources?.limits?.[resource] === undefined);
            if (missing.length > 0) {
                report(`Container "${name}" must have limits for ${missing.join(", ")}.`);
            }
        }
    }),
};

const roleNoWildcards: ResourceValidationPolicy = {
    name: "role-no-wildcards",
    description: "Roles name what they allow: no rule contains a wildcard.",
    enforcementLevel: "mandatory",
    configSchema: onlyScope,
    validateResource: ofTypeInScope<Role>(ROLE, ({ rules }, _args, report) => {
        for (const [index, rule] of (rules ?? []).entries()) {
            const { apiGroups, resources, verbs, nonResourceURLs, resourceNames } = rule;
            for (const [name, values] of Object.entries({
                apiGroups,
                resources,
                verbs,
                nonResourceURLs,
                resourceNames,
            })) {
                for (const value of (values ?? []).filter((text) => text.includes("*"))) {
                    report(`rules[${index}].${name} must not contain a wildcard: "${value}".`);
                }
            }
        }
    }),
};

export const kubernetesPolicies = [cronJobNotPrivileged, cronJobNonRoot, cronJobLimits, roleNoWildcards];
