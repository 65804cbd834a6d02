// From a cluster's nodes and their scale sets to the settings of a stack: which pools can be kept, which not and why.
// Pure.
import { isMap, parseDocument } from "yaml";
import { parseArmId } from "../../components/azure/ids";
import { UserError } from "../../components/core/errors";
import { machinesId, type MachinesName } from "../../components/core/machinesId";
import type { KubernetesSettings } from "../../components/node/kubernetes";
import { parseProviderId, singleVmOf } from "../../components/node/providerId";

/** What is looked at of a node. */
export interface FoundNode {
    providerID?: string;
    annotations?: Record<string, string>;
}

/** A scale set with nodes in the cluster, or a MachineDeployment or MachineSet with single VMs. */
export interface FoundPool {
    /** ARM id of the scale set, or a `machinesId`. */
    scaleSetId: string;
    nodes: number;
    /** `NAMESPACE/NAME` of the MachinePool that its nodes say they belong to. */
    machinePool?: string;
    /** What makes its single VMs. */
    machines?: MachinesName;
}

/** A scale set that was looked at. */
export interface Finding extends FoundPool {
    /** Why it cannot be kept; undefined when it can. */
    refusal?: string;
}

/**
 * The MachinePool that a node belongs to, by the annotations that Cluster API writes to nodes.
 * Source: https://github.com/kubernetes-sigs/cluster-api/blob/main/api/core/v1beta2/common_types.go
 */
function machinePoolOf(node: FoundNode): string | undefined {
    return ownerOf(node, "MachinePool");
}

/** The MachineSet that a node's Machine belongs to, as NAMESPACE/NAME. A control plane's belongs to another kind. */
export function machineSetOf(node: FoundNode): string | undefined {
    return ownerOf(node, "MachineSet");
}

function ownerOf({ annotations = {} }: FoundNode, wanted: string): string | undefined {
    const [kind, namespace, name] = ["owner-kind", "cluster-namespace", "owner-name"].map(
        (key) => annotations[`cluster.x-k8s.io/${key}`],
    );
    return kind === wanted && namespace && name ? `${namespace}/${name}` : undefined;
}

/** What tells which pool a single VM is in. */
export interface OwnersOfSingleVms {
    /** The name of the MachineDeployment that owns a MachineSet, by NAMESPACE/NAME of the set. */
    deployments?: Map<string, string>;
    /** The ARM id of the Flexible scale set that a VM belongs to, by the VM's ARM id in lower case. */
    scaleSets?: Map<string, string>;
}

/** The ARM id of a node's VM, where that is a single one which no MachineSet has made. */
export function singleVmIn(node: FoundNode): string | undefined {
    return machineSetOf(node) === undefined ? singleVmOf(node.providerID)?.vmId : undefined;
}

/** The pool of a node: its scale set, or what makes single VMs like it. */
function poolIdOf(
    node: FoundNode,
    { deployments = new Map<string, string>(), scaleSets }: OwnersOfSingleVms,
): Pick<FoundPool, "scaleSetId" | "machines"> | undefined {
    const ofScaleSet =
        parseProviderId(node.providerID)?.scaleSetId ?? scaleSets?.get(singleVmIn(node)?.toLowerCase() ?? "");
    if (ofScaleSet !== undefined) {
        return { scaleSetId: ofScaleSet };
    }
    const [set, vm] = [machineSetOf(node), singleVmOf(node.providerID)];
    if (set === undefined || vm === undefined) {
        return undefined;
    }
    const [namespace, itself] = set.split("/");
    const deployment = deployments.get(set);
    const machines: MachinesName = deployment
        ? { kind: "MachineDeployment", namespace, name: deployment }
        : { kind: "MachineSet", namespace, name: itself };
    return { scaleSetId: machinesId({ ...parseArmId(vm.vmId), ...machines }), machines };
}

/**
 * Groups a cluster's nodes by scale set, MachineDeployment and MachineSet.
 *
 * @returns the pools by name, and the number of nodes that are in none
 */
export function poolsOf(found: FoundNode[], owners: OwnersOfSingleVms = {}): { pools: FoundPool[]; others: number } {
    const pools = new Map<string, FoundPool>();
    let others = 0;
    for (const node of found) {
        const of = poolIdOf(node, owners);
        if (of === undefined) {
            others++;
            continue;
        }
        // The letter case of provider ids is not always that of the ARM id.
        const machinePool = machinePoolOf(node);
        const key = of.scaleSetId.toLowerCase();
        const pool = pools.get(key) ?? { ...of, nodes: 0 };
        pools.set(key, { ...pool, nodes: pool.nodes + 1, ...(machinePool && { machinePool }) });
    }
    return { pools: [...pools.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b))), others };
}

/** The settings of a stack for the pools that fit: values of `kamino:` keys. */
export interface Proposal {
    resourceGroup: string;
    pools: Record<string, string>[];
    /** `kamino:kubeconfig` and `kamino:context`, as far as they were given. */
    cluster?: Pick<KubernetesSettings, "kubeconfig" | "context">;
    /** `kamino:capi`, where it was given. */
    capi?: Record<string, string | undefined>;
}

/**
 * Proposes settings for all pools that can be kept. A scale set in the proposal's resource group and in the
 * subscription in use is given by name, any other one by its id, and one of Cluster API by its object.
 *
 * @param subscriptionId the one in use
 * @throws UserError when no pool fits
 */
export function propose(findings: Finding[], subscriptionId: string): Proposal {
    const fitting = findings.filter(({ refusal }) => refusal === undefined);
    if (fitting.length === 0) {
        throw new UserError("no pool of this cluster can be kept; the reasons are above");
    }
    const places = fitting.map(({ scaleSetId }) => parseArmId(scaleSetId));
    const resourceGroup = mostFrequent(places.map((place) => place.resourceGroup));
    const pools = fitting.map((pool, index): Record<string, string> => {
        if (pool.machinePool !== undefined) {
            return { machinePool: pool.machinePool };
        }
        if (pool.machines !== undefined) {
            const key = pool.machines.kind === "MachineSet" ? "machineSet" : "machineDeployment";
            return { [key]: nameOf(pool) };
        }
        const place = places[index];
        const isNear = same(place.resourceGroup, resourceGroup) && same(place.subscriptionId, subscriptionId);
        return { scaleSet: isNear ? nameOf(pool) : pool.scaleSetId };
    });
    return { resourceGroup, pools };
}

/** One line per scale set: its name, its nodes, and whether it can be kept. */
export function listing(findings: Finding[], others: number): string {
    const width = Math.max(...findings.map((finding) => nameOf(finding).length));
    const lines = findings.map((finding) => {
        const nodes = `${String(finding.nodes).padStart(4)} ${finding.nodes === 1 ? "node " : "nodes"}`;
        return `  ${nameOf(finding).padEnd(width)}  ${nodes}  ${finding.refusal ?? "fits"}`;
    });
    const rest = others === 0 ? [] : [`  ${others} ${others === 1 ? "node is" : "nodes are"} not in a scale set.`];
    return [...lines, ...rest].join("\n");
}

/**
 * Adds the proposal to a stack's settings.
 *
 * @param text of Pulumi.<stack>.yaml; empty when there is none yet
 * @param file where the text is from, for messages
 * @returns the text with the proposal's keys; everything else stays
 * @throws UserError when the stack has pools already
 */
export function withProposal(text: string, { resourceGroup, pools, cluster, capi }: Proposal, file: string): string {
    const document = parseDocument(text.trim() === "" ? "config: {}\n" : text);
    const config = document.get("config");
    if (isMap(config) && (config.has("kamino:pools") || config.has("kamino:schedule"))) {
        throw new UserError(`${file} is configured already; change it there, or name another stack with --stack`);
    }
    document.setIn(["config", "kamino:resourceGroup"], resourceGroup);
    const places = { kubeconfig: cluster?.kubeconfig, context: cluster?.context, capi };
    for (const [key, place] of Object.entries(places).filter(([, place]) => place !== undefined)) {
        document.setIn(["config", `kamino:${key}`], document.createNode(place));
    }
    document.setIn(["config", "kamino:pools"], document.createNode(pools));
    const written = document.get("config");
    if (isMap(written)) {
        written.flow = false;
    }
    return document.toString({ indent: 4 });
}

function nameOf({ scaleSetId, machines }: FoundPool): string {
    if (machines) {
        return `${machines.namespace}/${machines.name}`;
    }
    return scaleSetId.split("/").at(-1) ?? scaleSetId;
}

function same(a: string, b: string): boolean {
    return a.toLowerCase() === b.toLowerCase();
}

function mostFrequent(texts: string[]): string {
    const count = (text: string) => texts.filter((each) => same(each, text)).length;
    return texts.reduce((best, text) => (count(text) > count(best) ? text : best));
}
