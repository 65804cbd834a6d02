// The options of the policies: their schemas, with defaults, and their types.
import type { PolicyConfigSchema } from "@pulumi/policy";

/** Marker that AKS Engine bills by: installs nothing and runs nothing. Its name starts with the scale set's, so it goes by type. */
const AKS_ENGINE_BILLING = "Microsoft.AKS/Compute.AKS-Engine.Linux.Billing";

export interface ExtensionOptions {
    allowed: string[];
}

export const extensionOptions: PolicyConfigSchema = {
    properties: {
        allowed: {
            type: "array",
            items: { type: "string" },
            default: [AKS_ENGINE_BILLING],
            description:
                "Extensions that may stay: patterns (* as in file names, without case) on name or publisher/type. " +
                "Keep in step with the stack's keepExtensions. Script extensions are refused even if listed.",
        },
    },
};

export interface ReplicaOptions {
    minimum: number;
}

export const replicaOptions: PolicyConfigSchema = {
    properties: {
        minimum: {
            type: "integer",
            minimum: 1,
            default: 2,
            description: "Least number of replicas of an image version in each of its regions.",
        },
    },
};

export interface RollingUpgradeOptions {
    allowDormant: boolean;
}

export const rollingUpgradeOptions: PolicyConfigSchema = {
    properties: {
        allowDormant: {
            type: "boolean",
            default: true,
            description:
                "Whether a rollingUpgradePolicy may stand in a model whose mode is Manual, where it does nothing.",
        },
    },
};

export interface BumpOptions {
    maximum?: number;
}

export const bumpOptions: PolicyConfigSchema = {
    properties: {
        maximum: {
            type: "integer",
            minimum: 1,
            description: "Most pools whose image may change in one update; all of them when not set.",
        },
    },
};

export interface LimitOptions {
    resources: string[];
}

export const limitOptions: PolicyConfigSchema = {
    properties: {
        resources: {
            type: "array",
            items: { type: "string", enum: ["cpu", "memory", "ephemeral-storage"] },
            default: ["cpu", "memory"],
            description: "Resources for which each container needs a limit.",
        },
    },
};

export interface PartOptions {
    mayChange: string[];
}

export const partOptions: PolicyConfigSchema = {
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
