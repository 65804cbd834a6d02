// Policy on what a stack consists of: the types that the program itself declares, and those that the options allow.
import type { PolicyConfigSchema, ResourceValidationPolicy } from "@pulumi/policy";
import {
    CAPTURE,
    FOREIGN_CHANGES,
    GALLERY,
    IMAGE_DEFINITION,
    IMAGE_VERSION,
    INFRASTRUCTURE_REF,
    MACHINE_POOL_IMAGE,
    MACHINE_TEMPLATE,
    NEW_UPDATED_NODES,
    PROTOTYPE,
    SCALE_SET,
    SCHEDULE,
    SELECTION,
} from "./contract";

/** What belongs to every stack: the stack itself, what it reads of itself and others, and the providers. */
const OF_PULUMI = /^pulumi:(pulumi:(Stack|StackReference)|providers:[^:]+)$/;

const OF_KAMINO = [
    ...[PROTOTYPE, SCHEDULE, SELECTION, CAPTURE, FOREIGN_CHANGES, NEW_UPDATED_NODES],
    ...[MACHINE_POOL_IMAGE, MACHINE_TEMPLATE, INFRASTRUCTURE_REF],
    ...[SCALE_SET, IMAGE_VERSION, IMAGE_DEFINITION, GALLERY],
];

/** The kinds of which a schedule's stack consists, as Pulumi names them. */
export const SCHEDULE_KINDS = [
    "kubernetes:core/v1:Namespace",
    "kubernetes:core/v1:ServiceAccount",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:coordination.k8s.io/v1:Lease",
    "kubernetes:rbac.authorization.k8s.io/v1:Role",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
    "kubernetes:batch/v1:CronJob",
];

interface TypeOptions {
    allowed: string[];
}

const typeOptions: PolicyConfigSchema = {
    properties: {
        allowed: {
            type: "array",
            // A star stands at the end or nowhere.
            items: { type: "string", pattern: "^[^*]+\\*?$" },
            default: [],
            description:
                "Types that may be in the stack besides the program's own: tokens (random:index/randomPet:RandomPet), or " +
                "what they begin with and a star (random:*).",
        },
    },
};

const onlyKnownTypes: ResourceValidationPolicy = {
    name: "only-known-types",
    description:
        "A stack consists of the types that the program declares: by others nodes could be changed past all other policies.",
    enforcementLevel: "mandatory",
    configSchema: typeOptions,
    validateResource: (args, report) => {
        const { type } = args;
        const { allowed = [] } = args.getConfig<Partial<TypeOptions>>();
        if (!isKnown(type) && !allowed.some((pattern) => fits(type, pattern))) {
            report(
                `${type} is not a type that this program declares: take the resource out, or allow its type by ` +
                    `"only-known-types": { "allowed": ["${type}"] }.`,
            );
        }
    },
};

function isKnown(type: string): boolean {
    return OF_PULUMI.test(type) || SCHEDULE_KINDS.includes(type) || OF_KAMINO.some((known) => known.test(type));
}

/** Whether a type is the one that a pattern names, or begins as one with a star at its end does. */
function fits(type: string, pattern: string): boolean {
    return pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}

export const knownTypePolicies = [onlyKnownTypes];
