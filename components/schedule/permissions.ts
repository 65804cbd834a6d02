// What a scheduled run may do in Kubernetes: exactly what the run uses, no wildcard. Explained in docs/permissions.md.

/** A rule of a Role or ClusterRole. */
export interface Rule {
    apiGroups: string[];
    resources: string[];
    resourceNames?: string[];
    verbs: string[];
}

/** What decides on the rules. */
export interface Needs {
    mode: "preview" | "up";
    /** Whether any pool deletes the pods that will not be evicted. */
    force: boolean;
    captureNamespaces: string[];
}

/** In the whole cluster. A preview reads the nodes' annotations, and whether kured is there; an up takes a node out of service. */
export function clusterRules({ mode, force, captureNamespaces }: Needs): Rule[] {
    const reading: Rule[] = [
        { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list"] },
        { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["list"] },
    ];
    const capturing: Rule[] = [
        { apiGroups: [""], resources: ["nodes"], verbs: ["patch"] },
        { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
        { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
        { apiGroups: [""], resources: ["namespaces"], resourceNames: captureNamespaces, verbs: ["get"] },
    ];
    const forcing: Rule[] = [{ apiGroups: [""], resources: ["pods"], verbs: ["delete"] }];
    return mode === "preview" ? reading : [...reading, ...capturing, ...(force ? forcing : [])];
}

/** In a capture namespace, for an up: the cleaning pod. */
export const CAPTURE_RULES: Rule[] = [{ apiGroups: [""], resources: ["pods"], verbs: ["create", "get", "delete"] }];

/** In the schedule's namespace: the report; for an up also the lease, and whether the pod that holds it is alive. */
export function ownRules(mode: "preview" | "up", { lease, report }: { lease: string; report: string }): Rule[] {
    const reporting: Rule[] = [
        { apiGroups: [""], resources: ["configmaps"], resourceNames: [report], verbs: ["get", "update"] },
    ];
    const alone: Rule[] = [
        { apiGroups: ["coordination.k8s.io"], resources: ["leases"], resourceNames: [lease], verbs: ["get", "update"] },
        { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
    ];
    return mode === "up" ? [...reporting, ...alone] : reporting;
}
