// Reading objects of Cluster API from the management cluster, in the best version that it serves.
import { UserError, asUserError, orUndefined } from "../core/errors";
import { withRetries } from "../core/retry";
import type { Kubernetes } from "../node/kubernetes";

/** Where an object is. */
export interface ObjectName {
    namespace: string;
    name: string;
}

/** Cluster API's own group. */
export const CORE = "cluster.x-k8s.io";
/** CAPZ's group, and its version: the only one that it has had for years. */
export const INFRASTRUCTURE = "infrastructure.cluster.x-k8s.io";
export const INFRASTRUCTURE_VERSION = "v1beta1";
/** The versions of Cluster API's own group that this program reads, best first. */
const CORE_VERSIONS = ["v1beta2", "v1beta1"];

/** Which objects. */
export interface ListPath {
    group: string;
    version: string;
    plural: string;
    namespace: string;
}

/** Which object. */
export interface ObjectPath extends ListPath {
    name: string;
}

/** The object, or undefined when there is none. */
export async function readObject<T>({ custom }: Kubernetes, path: ObjectPath): Promise<T | undefined> {
    return (await orUndefined(withRetries(() => custom.getNamespacedCustomObject(path)))) as T | undefined;
}

/** All objects of a kind in a namespace, or those with these labels. */
export async function listObjects<T>({ custom }: Kubernetes, path: ListPath, labelSelector?: string): Promise<T[]> {
    const read = async () => (await custom.listNamespacedCustomObject({ ...path, labelSelector })) as { items: T[] };
    return (await withRetries(read)).items;
}

/**
 * Reads; whatever cannot be read is said in one line.
 *
 * @param what begins the line
 * @throws UserError in one line
 */
export async function readOf<T>(what: string, read: () => Promise<T>): Promise<T> {
    try {
        return await read();
    } catch (error) {
        throw asUserError(error, (reason) => `${what} cannot be read: ${reason}`);
    }
}

/**
 * The best version of Cluster API's group that the cluster serves.
 *
 * @param what begins the line
 * @throws UserError in one line when it has no Cluster API
 */
export async function requireCore(cluster: Kubernetes, what: string): Promise<string> {
    const version = await coreVersion(cluster);
    if (version === undefined) {
        throw new UserError(
            `${what}: the cluster at ${cluster.server} has no Cluster API (${CORE} ${CORE_VERSIONS.join(" or ")}); ` +
                "kamino:capi says where the management cluster is",
        );
    }
    return version;
}

const versions = new Map<Kubernetes, Promise<string | undefined>>();

/** Asked once for all pools. */
function coreVersion(cluster: Kubernetes): Promise<string | undefined> {
    const asked = versions.get(cluster) ?? askCoreVersion(cluster);
    versions.set(cluster, asked);
    asked.catch(() => versions.delete(cluster));
    return asked;
}

async function askCoreVersion({ custom }: Kubernetes): Promise<string | undefined> {
    const served = async (version: string) =>
        (await orUndefined(withRetries(() => custom.getAPIResources({ group: CORE, version })))) && version;
    for (const version of CORE_VERSIONS) {
        const found = await served(version);
        if (found) {
            return found;
        }
    }
    return undefined;
}

/** A Kubernetes version as kubelet spells it. */
export function kubeletVersion(version: string | undefined): string | undefined {
    return version === undefined || version.startsWith("v") ? version : `v${version}`;
}
