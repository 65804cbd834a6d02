// The node that this program runs on.

/** The variable by which the schedule names the node of its pod. */
export const OWN_NODE_VARIABLE = "NODE_NAME";

/** Its name, which is never captured; undefined where this does not run in the cluster. */
export function ownNodeName(): string | undefined {
    return process.env[OWN_NODE_VARIABLE];
}
