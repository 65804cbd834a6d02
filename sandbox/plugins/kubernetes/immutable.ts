// What can not be changed in an object that is there: a change needs a new object.

const SELECTOR = ["spec.selector"];
const JOB = ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"];
const STATEFUL_SET = [
    ...["spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector"],
    ...["spec.serviceName", "spec.volumeClaimTemplates"],
];

/** Paths by kind, the ones that the official plugin (4.x) replaces for; of a Pod, more than it does: its whole spec. */
const BY_KIND: Record<string, string[]> = {
    ConfigMap: ["binaryData", "data"],
    Secret: ["data", "stringData", "type"],
    Service: ["spec.clusterIP"],
    ResourceQuota: ["spec.scopes"],
    PersistentVolumeClaim: ["spec"],
    Pod: ["spec"],
    Deployment: SELECTOR,
    DaemonSet: SELECTOR,
    StatefulSet: STATEFUL_SET,
    Job: JOB,
    RoleBinding: ["roleRef"],
    ClusterRoleBinding: ["roleRef"],
    StorageClass: ["parameters", "provisioner"],
};

const EVERY_KIND = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/** Whether a change at this path of an object of this kind needs a new object. */
export function isImmutable(kind: string, path: string): boolean {
    const paths = [...EVERY_KIND, ...(BY_KIND[kind] ?? [])];
    return paths.some((fixed) => path === fixed || path.startsWith(`${fixed}.`) || path.startsWith(`${fixed}[`));
}
