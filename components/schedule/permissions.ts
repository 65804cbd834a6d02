// What a scheduled run may do in Kubernetes: exactly what the run uses, no wildcard. Explained in docs/permissions.md.
import type { types } from "@pulumi/kubernetes";

/** A rule of a Role or ClusterRole. */
export type Rule = Pick<types.input.rbac.v1.PolicyRule, never> & {
    apiGroups: string[];
    resources: string[];
    resourceNames?: string[];
    verbs: string[];
};

/** The names in the schedule's own namespace that a run works with. */
export interface OwnObjects {
    lease: string;
    report: string;
}

/** In the whole cluster, for a preview: the nodes' annotations, and whether kured is there. */
export const PREVIEW_CLUSTER_RULES: Rule[] = [
    { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list"] },
    { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["list"] },
];

/** In the whole cluster, for an up: besides, take a node out of service and put it back. */
export const UP_CLUSTER_RULES: Rule[] = [
    { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "patch"] },
    { apiGroups: [""], resources: ["pods"], verbs: ["list", "delete"] },
    { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
    { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["list"] },
];

/** In the capture namespace, for an up: the cleaning pod. */
export const CAPTURE_RULES: Rule[] = [{ apiGroups: [""], resources: ["pods"], verbs: ["create", "get", "delete"] }];

/** In the schedule's namespace: the report; for an up also the lease, and whether the pod that holds it is alive. */
export function ownRules(mode: "preview" | "up", { lease, report }: OwnObjects): Rule[] {
    const reporting: Rule[] = [
        { apiGroups: [""], resources: ["configmaps"], resourceNames: [report], verbs: ["get", "update"] },
    ];
    const alone: Rule[] = [
        { apiGroups: ["coordination.k8s.io"], resources: ["leases"], resourceNames: [lease], verbs: ["get", "update"] },
        { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
    ];
    return mode === "up" ? [...reporting, ...alone] : reporting;
}
