// kured's DaemonSet as the cluster has it: finding it, reading it, and what went wrong in one line.
import type { V1DaemonSet } from "@kubernetes/client-node";
import { UserError, asUserError, orUndefined, statusOf } from "../core/errors";
import { withRetries } from "../core/retry";
import { findKured, toKured, type Kured } from "./kuredDaemonSet";
import { describe, readWithTime, type Kubernetes } from "./kubernetes";

/** Where a DaemonSet is. */
export interface DaemonSetPlace {
    namespace: string;
    name: string;
}

/**
 * kured's DaemonSet: the one that is named, else the one that is found in the cluster; undefined when there is none.
 */
export async function findInCluster(
    { apps, server }: Pick<Kubernetes, "apps" | "server">,
    { daemonSet, nodeLabels }: { daemonSet?: DaemonSetPlace; nodeLabels?: Record<string, string> } = {},
): Promise<Kured | undefined> {
    try {
        if (daemonSet !== undefined) {
            const named = await readDaemonSet({ apps }, daemonSet);
            if (!named) {
                const { namespace, name } = daemonSet;
                throw new UserError(
                    `kamino:kuredDaemonSet: there is no DaemonSet ${namespace}/${name}; check it with kubectl get daemonsets -A`,
                );
            }
            return toKured(named);
        }
        return findKured(await listDaemonSets({ apps }), nodeLabels);
    } catch (error) {
        if (statusOf(error) !== 403 || daemonSet !== undefined) {
            throw toUserError(error, server);
        }
    }
    // All may not be listed: kured's usual place can still be looked at.
    const usual = await readDaemonSet({ apps }, { namespace: "kube-system", name: "kured" }).catch((error: unknown) => {
        throw toUserError(error, server);
    });
    return usual && toKured(usual);
}

/** A failed call about kured's lock in one line, with what to do where it is forbidden. */
export function toUserError(error: unknown, server: string): UserError {
    const advice =
        statusOf(error) === 403
            ? "; give the rights to this DaemonSet (docs/permissions.md; to a scheduled run by kamino:kuredDaemonSet and an up of the schedule), " +
              "or set kamino:kuredLock to false where kured does not run"
            : "";
    return asUserError(error, () => `kured's lock cannot be used: ${describe(error, server)}${advice}`);
}

/** All DaemonSets of the cluster, from the API server's cache. */
export async function listDaemonSets({ apps }: Pick<Kubernetes, "apps">): Promise<V1DaemonSet[]> {
    return (await withRetries(() => apps.listDaemonSetForAllNamespaces({ resourceVersion: "0" }))).items;
}

/** kured's DaemonSet, or undefined when the cluster has none of this name. */
export function readDaemonSet(
    { apps }: Pick<Kubernetes, "apps">,
    { namespace, name }: DaemonSetPlace,
): Promise<V1DaemonSet | undefined> {
    return orUndefined(withRetries(() => apps.readNamespacedDaemonSet({ namespace, name })));
}

/**
 * The same as it is now, and when that was by the API server's clock. The machines that go by a lock agree on no other
 * one: a run whose own clock is minutes off would take a live lock for one that has expired, or have kured do so.
 */
export function readDaemonSetWithTime(
    cluster: Pick<Kubernetes, "config" | "server">,
    { namespace, name }: DaemonSetPlace,
): Promise<{ object: V1DaemonSet; now: Date } | undefined> {
    // The place of a lock is what options of a DaemonSet say: any text.
    const [at, of] = [namespace, name].map(encodeURIComponent);
    return orUndefined(readWithTime(cluster, `/apis/apps/v1/namespaces/${at}/daemonsets/${of}`));
}
