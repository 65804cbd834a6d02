// Which two clusters there are: that of the nodes, and the management cluster of Cluster API.
import type { z } from "zod";
import { UserError } from "../core/errors";
import type { KubernetesSettings } from "../node/kubernetes";
import type { configuration } from "./schema";

type Configuration = z.output<typeof configuration>;

/** How to reach the cluster of the nodes; and beside it, the management cluster. */
export interface Clusters extends KubernetesSettings {
    capi: Omit<KubernetesSettings, "workloadCluster">;
}

/**
 * How to reach the cluster of the nodes and the management cluster. One of both is found from the other where only that
 * is said.
 *
 * @throws UserError in one line when two keys say where the nodes are
 */
export function readClusters(
    { kubeconfig, context }: Pick<Configuration, "kubeconfig" | "context">,
    { workloadCluster, ...capi }: NonNullable<Configuration["capi"]>,
    project: string,
): Clusters {
    if (workloadCluster) {
        const other = kubeconfig === undefined ? "context" : "kubeconfig";
        if (kubeconfig !== undefined || context !== undefined) {
            throw new UserError(
                `${project}:${other} and ${project}:capi.workloadCluster both say which cluster the nodes are in; ` +
                    `take one of them out (${project}:capi.${other} is the management cluster's)`,
            );
        }
        return { ...capi, workloadCluster, capi };
    }
    // Another kubeconfig has another current context.
    const management = {
        kubeconfig: capi.kubeconfig ?? kubeconfig,
        context: capi.context ?? (capi.kubeconfig === undefined ? context : undefined),
    };
    return { kubeconfig, context, capi: management };
}
