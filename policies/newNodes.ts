// Policy on nodes that are added after a bump: none, unless the options say how many.
import type { PolicyConfigSchema, ResourceValidationPolicy } from "@pulumi/policy";
import { NEW_UPDATED_NODES, type NewNodesStatement } from "./contract";
import { ofType } from "./resources";

interface NewNodesOptions {
    maxNewNodes: number;
}

const newNodesOptions: PolicyConfigSchema = {
    properties: {
        maxNewNodes: {
            type: "integer",
            minimum: 0,
            default: 0,
            description: "How many nodes a pool's setting newUpdatedNodes may add after a bump; none when not set.",
        },
    },
};

const newNodesAllowed: ResourceValidationPolicy = {
    name: "new-nodes-allowed",
    description: "Nodes are added after a bump (newUpdatedNodes) only as far as the options of this policy allow it.",
    enforcementLevel: "mandatory",
    configSchema: newNodesOptions,
    validateResource: ofType<NewNodesStatement>(NEW_UPDATED_NODES, ({ pool, nodes }, args, report) => {
        const { maxNewNodes = 0 } = args.getConfig<Partial<NewNodesOptions>>();
        if (!Number.isInteger(nodes) || nodes < 1 || nodes > maxNewNodes) {
            report(
                `newUpdatedNodes of pool ${pool} would add ${nodes} after a bump, and ${maxNewNodes === 0 ? "none" : `at most ${maxNewNodes}`} ` +
                    `may be added: allow it by "new-nodes-allowed": { "maxNewNodes": ${Math.max(1, Math.ceil(nodes))} }, or take the setting away.`,
            );
        }
    }),
};

export const newNodesPolicies = [newNodesAllowed];
