// Behind `npm run init`: looks at a cluster and its scale sets, says which pools fit, and writes the settings of a
// stack.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Node } from "@kubernetes/client-node";
import { collect, computeClient } from "../../components/azure/client";
import { subscriptionId } from "../../components/azure/login";
import { parseArmId } from "../../components/azure/ids";
import { machinesRefusal } from "../../components/capi/machineRefusals";
import { readMachinePool } from "../../components/capi/machinePool";
import { deploymentOfSet, readMachines, type MachinesAt } from "../../components/capi/machines";
import { capiRefusal } from "../../components/capi/refusals";
import { readBySchema } from "../../components/config/read";
import { clusterName } from "../../components/config/schema";
import { oneLine, UserError } from "../../components/core/errors";
import { PROJECT } from "../../components/core/project";
import { getJson, kubernetes, type KubernetesSettings } from "../../components/node/kubernetes";
import type { LiveModel } from "../../components/pool/model";
import { modelOfMachines } from "../../components/pool/machines";
import { refusal } from "../../components/pool/refusals";
import { readCommandLine } from "../commandLine";
import { outliveReaders } from "../output";
import { confirm } from "../confirm";
import {
    listing,
    machineSetOf,
    poolsOf,
    propose,
    singleVmIn,
    withProposal,
    type Finding,
    type FoundNode,
    type FoundPool,
} from "./proposal";

const USAGE = `Usage: npm run init -- --stack NAME [options]

  --stack NAME        the stack
  --config-file FILE  where its settings go (default: Pulumi.NAME.yaml)
  --kubeconfig FILE   the cluster (default: KUBECONFIG, ~/.kube/config)
  --context NAME      a context in it
  --workload-cluster NAMESPACE/NAME
                      a Cluster of Cluster API: the kubeconfig is the management cluster's, and that of the nodes is read
                      from its Secret there (kamino:capi.workloadCluster)
  --yes               do not ask

It reads nodes and scale sets and changes nothing but that file. Azure is signed in to as azure-native does (ARM_*, az login).`;

async function main(args: string[], stop: AbortSignal): Promise<void> {
    const { stack, yes, help, ...options } = readOptions(args);
    if (help) {
        console.log(USAGE);
        return;
    }
    if (!stack) {
        throw new UserError("name the stack with --stack; see --help");
    }
    const { workloadCluster, ...management } = clustersOf(options);
    const nodes = await readNodes({ ...management, workloadCluster });
    const { scaleSets, unread } = await readFlexibleSets(nodes);
    const { pools, others } = poolsOf(nodes, { deployments: await readDeployments(nodes, management), scaleSets });
    unread.forEach((line) => console.error(`warning: ${line}`));
    if (pools.length === 0) {
        throw new UserError(
            unread.length > 0
                ? `no node of this cluster is known to be in a VM scale set: ${unread.join("; ")}`
                : "no node of this cluster is in a VM scale set; check the context of the kubeconfig",
        );
    }
    const findings = await Promise.all(pools.map((pool) => inspect(pool, management)));
    console.log(`Scale sets with nodes in this cluster:\n\n${listing(findings, others)}\n`);

    const file = options["config-file"] ?? join(PROJECT, `Pulumi.${stack.split("/").at(-1)}.yaml`);
    const before = await readFile(file, "utf8").catch(() => "");
    const proposal = propose(findings, await subscriptionId());
    const where = workloadCluster
        ? { capi: { ...management, workloadCluster: options["workload-cluster"] } }
        : { cluster: management };
    const after = withProposal(before, { ...proposal, ...where }, file);
    console.log(`${file}:\n\n${after}`);
    if (!yes) {
        await confirm("Write this file?", stop);
    }
    await writeFile(file, after);
    console.log(`Written. Next: pulumi stack init ${stack} (if it is new), then npm run preview -- --stack ${stack}`);
}

const FLAGS = {
    stack: { type: "string", short: "s" },
    "config-file": { type: "string" },
    kubeconfig: { type: "string" },
    context: { type: "string" },
    "workload-cluster": { type: "string" },
    yes: { type: "boolean", short: "y" },
    help: { type: "boolean", short: "h" },
} as const;

const readOptions = (args: string[]) => readCommandLine({ args, options: FLAGS }).values;

/** How to reach the cluster of the nodes; without its `workloadCluster`, the management cluster of Cluster API. */
function clustersOf({ kubeconfig, context, ...options }: ReturnType<typeof readOptions>): KubernetesSettings {
    const flag = "workload-cluster";
    const given = options[flag];
    const workloadCluster = given === undefined ? undefined : readBySchema(clusterName, given, `--${flag}`);
    return { kubeconfig, context, ...(workloadCluster && { workloadCluster }) };
}

/** All nodes, as far as they tell of their pools. */
async function readNodes(settings: KubernetesSettings): Promise<FoundNode[]> {
    const { items } = await getJson<{ items: V1Node[] | null }>(await kubernetes(settings), "/api/v1/nodes", {
        resourceVersion: "0",
    });
    return (items ?? []).map(({ metadata, spec }) => ({
        providerID: spec?.providerID,
        annotations: metadata?.annotations,
    }));
}

/** Whether a pool can be kept. One that cannot be read is a finding too, so that the others are still listed. */
async function inspect(pool: FoundPool, cluster: KubernetesSettings): Promise<Finding> {
    const { subscriptionId: subscription, resourceGroup, names } = parseArmId(pool.scaleSetId);
    try {
        if (pool.machines) {
            const line = await refusalOfMachines({ ...pool.machines, kubernetes: cluster }, pool.scaleSetId);
            return { ...pool, refusal: line?.replace(/^.*? is refused: /, "") };
        }
        const live = await (await computeClient(subscription)).virtualMachineScaleSets.get(resourceGroup, names[0]);
        // The official SDK and azure-native name the same properties; the rules look at properties alone.
        const known = { ownedByCapz: pool.machinePool !== undefined };
        const line =
            refusal(live as unknown as LiveModel, "", known) ??
            (pool.machinePool && (await refusalOfMachinePool(pool.machinePool, cluster)));
        return { ...pool, scaleSetId: live.id ?? pool.scaleSetId, refusal: line?.replace(/^.*? is refused: /, "") };
    } catch (error) {
        return { ...pool, refusal: `it cannot be read: ${oneLine(error)}` };
    }
}

/**
 * The MachineDeployments of the nodes' MachineSets, by NAMESPACE/NAME of the set. None where the management cluster is
 * another one: the sets are then listed by themselves, as ones that cannot be read.
 */
async function readDeployments(nodes: FoundNode[], settings: KubernetesSettings): Promise<Map<string, string>> {
    const cluster = await kubernetes(settings);
    const sets = [...new Set(nodes.flatMap((node) => machineSetOf(node) ?? []))];
    const found = await Promise.all(
        sets.map(async (set): Promise<[string, string][]> => {
            const [namespace, name] = set.split("/");
            const deployment = await deploymentOfSet(cluster, { namespace, name }).catch(() => undefined);
            return deployment === undefined ? [] : [[set, deployment]];
        }),
    );
    return new Map(found.flat());
}

/**
 * The Flexible scale sets of the nodes' single VMs, by the VMs' ids.
 *
 * @returns `unread`: a line for each resource group whose VMs cannot be listed; their nodes are then listed as ones of
 *     no scale set
 */
async function readFlexibleSets(nodes: FoundNode[]): Promise<{ scaleSets: Map<string, string>; unread: string[] }> {
    const groups = new Map(
        nodes
            .flatMap((node) => singleVmIn(node) ?? [])
            .map((id) => parseArmId(id))
            .map((place) => [`${place.subscriptionId}/${place.resourceGroup}`.toLowerCase(), place] as const),
    );
    const unread: string[] = [];
    const found = await Promise.all(
        [...groups.values()].map(async ({ subscriptionId, resourceGroup }) => {
            try {
                const { virtualMachines } = await computeClient(subscriptionId);
                return await collect(virtualMachines.list(resourceGroup));
            } catch (error) {
                unread.push(
                    `the VMs of resource group ${resourceGroup} cannot be listed, so whether they are of Flexible scale sets is not known: ${oneLine(error)}; ` +
                        "sign in with az login, and give virtualMachines/read there (role kamino-flexible in deploy/permissions/azure)",
                );
                return [];
            }
        }),
    );
    const scaleSets = new Map(
        found.flat().flatMap(({ id = "", virtualMachineScaleSet }): [string, string][] => {
            const scaleSetId = virtualMachineScaleSet?.id;
            return scaleSetId === undefined ? [] : [[id.toLowerCase(), scaleSetId]];
        }),
    );
    return { scaleSets, unread };
}

/** Why a MachineDeployment or MachineSet cannot be kept. */
async function refusalOfMachines(at: MachinesAt, poolId: string): Promise<string | undefined> {
    const capi = await readMachines(at, "kamino:pools");
    const reason = machinesRefusal(capi, "");
    return reason ?? refusal((await modelOfMachines({ capi, at }, parseArmId(poolId), "kamino:pools")).live, "");
}

/** Why a MachinePool cannot be kept. Its management cluster may be another one than that of its nodes. */
async function refusalOfMachinePool(machinePool: string, cluster: KubernetesSettings): Promise<string | undefined> {
    const [namespace, name] = machinePool.split("/");
    return capiRefusal(await readMachinePool(cluster, { namespace, name }, "kamino:pools"), "");
}

outliveReaders();
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
main(process.argv.slice(2), stop.signal).then(
    () => process.exit(),
    (error: unknown) => {
        console.error(oneLine(error));
        process.exit(1);
    },
);
