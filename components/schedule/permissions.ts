// What a scheduled run may do in Kubernetes: exactly what the run uses, no wildcard. Explained in docs/permissions.md.
import { CAPZ_MANAGER } from "../capi/machinePool";
import type { CaptureMode } from "../capture/mode";
import { kubeconfigSecretOf, type WorkloadCluster } from "../node/workloadKubeconfig";

/** A rule of a Role or ClusterRole. */
export interface Rule {
    apiGroups: string[];
    resources: string[];
    resourceNames?: string[];
    verbs: string[];
}

/** The ways to capture a disk, in the order of their rules. */
export const CAPTURE_MODES: readonly CaptureMode[] = ["copy", "in-place"];

/** What decides on the rules. */
export interface Needs {
    mode: "preview" | "up";
    /** The ways to capture that may be taken; both if left out. */
    capture?: readonly CaptureMode[];
    /** Whether any pool deletes the pods that will not be evicted. */
    force: boolean;
    captureNamespaces: string[];
    /** Names of kured's DaemonSets, whose lock is held; `kured` if left out. */
    kuredDaemonSets?: string[];
}

/**
 * In the whole cluster. A preview reads the nodes' annotations, whether kured is there, and whether a copied disk could
 * be attached. An up holds kured's lock; a copy is attached as a volume, which belongs to no namespace; a capture in
 * place takes a node out of service.
 */
export function clusterRules({
    mode,
    force,
    captureNamespaces,
    capture = CAPTURE_MODES,
    kuredDaemonSets = ["kured"],
}: Needs): Rule[] {
    const reading: Rule[] = [
        { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list"] },
        { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["list"] },
        {
            apiGroups: ["storage.k8s.io"],
            resources: ["csidrivers"],
            resourceNames: ["disk.csi.azure.com"],
            verbs: ["get"],
        },
    ];
    const capturing: Rule[] = [
        { apiGroups: [""], resources: ["namespaces"], resourceNames: captureNamespaces, verbs: ["get"] },
        { apiGroups: ["apps"], resources: ["daemonsets"], resourceNames: kuredDaemonSets, verbs: ["get", "patch"] },
    ];
    const copying: Rule[] = [
        { apiGroups: [""], resources: ["persistentvolumes"], verbs: ["create", "delete", "get", "list"] },
        { apiGroups: ["storage.k8s.io"], resources: ["volumeattachments"], verbs: ["list"] },
    ];
    const inPlace: Rule[] = [
        { apiGroups: [""], resources: ["nodes"], verbs: ["patch"] },
        { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
        { apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"] },
        ...(force ? [{ apiGroups: [""], resources: ["pods"], verbs: ["delete"] }] : []),
    ];
    return mode === "preview"
        ? reading
        : [...reading, ...capturing, ...rulesFor(capture, { copy: copying, "in-place": inPlace })];
}

/**
 * In a capture namespace, for an up: the pods of a capture, and of a copy the claim to its volume, what its driver says
 * and which packages its pod has found.
 */
export function captureRules(capture: readonly CaptureMode[] = CAPTURE_MODES): Rule[] {
    const pods: Rule = { apiGroups: [""], resources: ["pods"], verbs: ["create", "get", "delete"] };
    const copying: Rule[] = [
        { apiGroups: [""], resources: ["persistentvolumeclaims"], verbs: ["create", "delete"] },
        { apiGroups: [""], resources: ["events"], verbs: ["list"] },
        { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
    ];
    return [pods, ...rulesFor(capture, { copy: copying, "in-place": [] })];
}

/**
 * In the namespace of Events, for an up: what a capture came to, on its node, whose Events are in another one; and that
 * a pool of Cluster API has another image, in the pool's own.
 */
export const eventRules: Rule[] = [{ apiGroups: [""], resources: ["events"], verbs: ["create"] }];

function rulesFor(capture: readonly CaptureMode[], rules: Record<CaptureMode, Rule[]>): Rule[] {
    return CAPTURE_MODES.filter((mode) => capture.includes(mode)).flatMap((mode) => rules[mode]);
}

/** In the namespace of a MachinePool, in the management cluster: reading it, and for an up its image and an Event. */
export function machinePoolRules(mode: "preview" | "up"): Rule[] {
    const image = mode === "up" ? ["get", "patch"] : ["get"];
    return [
        { apiGroups: ["cluster.x-k8s.io"], resources: ["machinepools"], verbs: ["get"] },
        { apiGroups: ["cluster.x-k8s.io"], resources: ["clusters"], verbs: ["get"] },
        { apiGroups: ["infrastructure.cluster.x-k8s.io"], resources: ["azuremachinepools"], verbs: image },
        ...(mode === "up" ? eventRules : []),
    ];
}

/**
 * CAPZ's manager, for pools that rely on its gate: read by its name alone, in whichever namespace. A Role could not be
 * made where CAPZ is not in its usual one.
 */
export const machinePoolGateRules: Rule[] = [
    { apiGroups: ["apps"], resources: ["deployments"], resourceNames: [CAPZ_MANAGER.name], verbs: ["get"] },
];

/**
 * In the namespace of a MachineDeployment or MachineSet, in the management cluster: reading it and its machines, and
 * for an up a template for each image, and an Event.
 */
export function machinesRules(mode: "preview" | "up"): Rule[] {
    const core = ["cluster.x-k8s.io"];
    const forUp = (...verbs: string[]) => (mode === "up" ? verbs : []);
    return [
        { apiGroups: core, resources: ["clusters"], verbs: ["get"] },
        { apiGroups: core, resources: ["machines"], verbs: ["list"] },
        { apiGroups: core, resources: ["machinedeployments"], verbs: ["get", ...forUp("list", "patch")] },
        { apiGroups: core, resources: ["machinesets"], verbs: ["get", "list", ...forUp("patch")] },
        {
            apiGroups: ["infrastructure.cluster.x-k8s.io"],
            resources: ["azuremachinetemplates"],
            verbs: ["get", ...forUp("create", "delete", "list", "patch")],
        },
        ...(mode === "up" ? eventRules : []),
    ];
}

/**
 * In a Cluster's namespace, in the management cluster: its kubeconfig, of which Cluster API makes an administrator's.
 */
export function workloadKubeconfigRules(cluster: WorkloadCluster): Rule[] {
    const resourceNames = [kubeconfigSecretOf(cluster)];
    return [{ apiGroups: [""], resources: ["secrets"], resourceNames, verbs: ["get"] }];
}

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
