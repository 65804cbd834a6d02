// Loads the stack's configuration: complete, typed and grouped by what it is about, or refused in one line.
import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import type { Bootstrap } from "../../policies/contract";
import { parseScaleSetId } from "../azure/ids";
import { UserError } from "../core/errors";
import type { MachinesName } from "../core/machinesId";
import { readClusters, type Clusters } from "./clusters";
import { readBySchema } from "./read";
import { configuration, poolName, type KeysOf, type SharedValues, type Values } from "./schema";

/** Where the scale set is, and what of its model changes. */
export type ScaleSetSettings = Omit<Values<KeysOf<"scaleSet">>, "resourceGroup"> & {
    name: string;
    resourceGroup: string;
    /** The subscription, where the scale set was given by its id. */
    subscriptionId?: string;
};

/** Which node is taken. Durations in milliseconds. */
export type SelectionSettings = Omit<
    Values<KeysOf<"selection">>,
    "minimumReadyTime" | "newNodeTimeout" | "maximumImageAge"
> & {
    minimumReadyTimeMs: number;
    newNodeTimeoutMs: number;
    maximumImageAgeMs?: number;
    /** The one node to take. */
    node?: string;
    /** The one image version to use. */
    pin?: string;
    /** Image versions that must not be used. */
    reject?: string[];
    /** Image versions that may be used whatever the machines made from them say. */
    trust?: string[];
    /** Name of the pool whose new nodes have to prove an image first. */
    canary?: string;
};

/** How a node's disk is taken. Durations in milliseconds. */
export type CaptureSettings = Omit<Values<KeysOf<"capture">>, "capture" | "drainTimeout" | "gracePeriod"> & {
    /** Copy the disk of a running node, or clean the node's own disk; what the cluster can do if left out. */
    mode?: "copy" | "in-place";
    drainTimeoutMs: number;
    /** How long an evicted pod has to end; undefined: as long as the pod itself asks for. */
    evictionGracePeriodMs?: number;
};

/** Where kured is, and whether its lock is held while a node is out of service. */
export interface KuredSettings {
    lock: boolean;
    daemonSet?: { namespace: string; name: string };
}

/** How images are kept: the gallery by name (made by this stack) or by ARM id (an existing one). */
export type ImageSettings = Values<KeysOf<"image">>;

/** How many nodes are added after a bump, so that its image proves itself now. */
export interface NewNodesSettings {
    count: number;
    /** The autoscaler's maximum, where its own tags on the scale set do not say it. */
    maximum?: number;
}

/** The settings of one pool, complete and checked. */
export interface PoolSettings {
    name: string;
    /**
     * The pool's MachinePool, where Cluster API has it. Then the AzureMachinePool tells the scale set, which has no
     * resource group before that was read.
     */
    machinePool?: { namespace: string; name: string };
    /** The pool's MachineDeployment or MachineSet; then its machines tell where they are. It has no scale set. */
    machines?: MachinesName;
    scaleSet: ScaleSetSettings;
    selection: SelectionSettings;
    capture: CaptureSettings;
    kured: KuredSettings;
    image: ImageSettings;
    /** How many nodes are added after a bump; none if left out. */
    newNodes?: NewNodesSettings;
    /** Further tags of what this stack makes in Azure. */
    tags: Record<string, string>;
}

/** The whole configuration, complete and checked; all but `pools` and `capi` is how to reach the nodes' cluster. */
export interface Settings extends Clusters {
    pools: PoolSettings[];
}

/**
 * The stack's configuration, complete and checked.
 *
 * @param config the bag of this project's keys, as `new pulumi.Config()` gives it
 * @throws UserError in one line that starts with the config key
 */
export function loadSettings(config: pulumi.Config): Settings {
    return settingsIn(pulumi.runtime.allConfig(), config.name);
}

/** The same from a stack's whole configuration, by full keys. */
export function settingsIn(all: Record<string, unknown>, project = "kamino"): Settings {
    const prefix = `${project}:`;
    const own = Object.entries(all).filter(([key]) => key.startsWith(prefix));
    return readSettings(Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value])), project);
}

/** The same from plain values: texts as the engine gives them. */
export function readSettings(configured: Record<string, unknown>, project = "kamino"): Settings {
    const {
        pools,
        kubeconfig,
        context,
        capi = {},
        schedule: _,
        ...shared
    } = readBySchema(configuration, configured, `${project}:`);
    if (!pools?.length) {
        throw new UserError(
            `${project}:pools is missing: name at least one scale set, as in pulumi config set --path '${project}:pools[0].scaleSet' NAME`,
        );
    }
    const read = pools.map((pool, index) => poolSettings(pool, shared as SharedValues, project, index));
    refuseTwice(read, `${project}:pools`);
    refuseCanaries(read, `${project}:pools`);
    return { pools: read, ...readClusters({ kubeconfig, context }, capi, project) };
}

type ConfiguredPool = NonNullable<z.output<typeof configuration>["pools"]>[number];

/** A pool's own keys go before those for all pools; then each key goes into its group. */
function poolSettings(configured: ConfiguredPool, shared: SharedValues, project: string, index: number): PoolSettings {
    const { scaleSet: _located, machinePool, machineDeployment, machineSet, ...itself } = configured;
    const { name, node, pin, reject, trust, canary, newUpdatedNodes, maxNodes, ...own } = itself;
    const all = { ...shared, ...defined(own) } as SharedValues;
    const { onForeignChange, removeExtensions, keepExtensions } = all;
    const { minimumReadyTime, newNodeTimeout, maximumImageAge, minimumCandidates } = all;
    const { prefer, ignoreNodes, ignoreAnnotations } = all;
    const { kuredLock, kuredDaemonSet, gallery, maxHistory, replicaCount, targetRegions, storageAccountType } = all;
    const at = `${project}:pools[${index}]`;
    const machines = machinesIn({ machineDeployment, machineSet });
    const bootstrap = machinePool || machines ? bootstrapOfCapi(own.bootstrap, at) : all.bootstrap;
    const newNodes = newUpdatedNodes === undefined ? undefined : { count: newUpdatedNodes, maximum: maxNodes };
    refuseNewNodes(configured, at);
    const place = locate(configured, all.resourceGroup, { project, at });
    return {
        name: readBySchema(poolName, name ?? place.name, `${at}.name`),
        ...(machinePool && { machinePool }),
        ...(machines && { machines }),
        scaleSet: { ...place, onForeignChange, bootstrap, removeExtensions, keepExtensions },
        selection: {
            minimumReadyTimeMs: minimumReadyTime,
            newNodeTimeoutMs: newNodeTimeout,
            maximumImageAgeMs: maximumImageAge,
            minimumCandidates,
            prefer,
            ignoreNodes,
            ignoreAnnotations,
            node,
            pin,
            reject,
            trust,
            canary,
        },
        capture: captureSettings(all),
        kured: { lock: kuredLock, daemonSet: kuredDaemonSet },
        image: { gallery, maxHistory, replicaCount, targetRegions, storageAccountType },
        ...(newNodes && { newNodes }),
        tags: all.tags,
    };
}

function captureSettings(all: SharedValues): CaptureSettings {
    const { drainTimeout, gracePeriod, force, deleteBarePods, deleteEmptyDirData, minimumReadyNodes } = all;
    const { cleanerImage, captureNamespace, cleanPaths, rootPartition, keepSnapshots } = all;
    return {
        mode: all.capture,
        drainTimeoutMs: drainTimeout,
        evictionGracePeriodMs: gracePeriod,
        force,
        deleteBarePods,
        deleteEmptyDirData,
        minimumReadyNodes,
        cleanerImage,
        captureNamespace,
        cleanPaths,
        rootPartition,
        keepSnapshots,
    };
}

/** Machines of Cluster API join by bootstrap data that Cluster API makes anew for each. */
function bootstrapOfCapi(configured: Bootstrap | undefined, at: string): Bootstrap {
    if (configured === "remove") {
        throw new UserError(
            `${at}.bootstrap must be keep or left out: machines of Cluster API join by their bootstrap`,
        );
    }
    return "keep";
}

/** What Cluster API has is scaled by its replicas: a scale set's capacity, or a VM more, would not last. */
function refuseNewNodes(pool: ConfiguredPool, at: string): void {
    const kind = CAPI_PLACES.find((key) => pool[key] !== undefined);
    if (pool.newUpdatedNodes !== undefined && kind) {
        throw new UserError(
            `${at}.newUpdatedNodes is for scale sets: the number of machines of a ${kind} is its replicas'; raise those by hand`,
        );
    }
}

function machinesIn({
    machineDeployment,
    machineSet,
}: Pick<ConfiguredPool, "machineDeployment" | "machineSet">): MachinesName | undefined {
    return machineDeployment
        ? { kind: "MachineDeployment", ...machineDeployment }
        : machineSet && { kind: "MachineSet", ...machineSet };
}

const CAPI_PLACES = ["machinePool", "machineDeployment", "machineSet"] as const;
const PLACES = ["scaleSet", ...CAPI_PLACES] as const;

/**
 * Where a pool is: a scale set by its name (in the configured resource group) or ARM id, or what Cluster API has, whose
 * resource group is not known before that was read.
 */
function locate(
    configured: ConfiguredPool,
    resourceGroup: string | undefined,
    { project, at }: { project: string; at: string },
) {
    const places = PLACES.filter((key) => configured[key] !== undefined);
    if (places.length > 1) {
        throw new UserError(`${at} has both ${places.slice(0, 2).join(" and ")}: each of them is a pool by itself`);
    }
    const { scaleSet, machinePool, machineDeployment, machineSet } = configured;
    const ofCapi = machinePool ?? machineDeployment ?? machineSet;
    if (ofCapi) {
        return { name: ofCapi.name, resourceGroup: "" };
    }
    if (!scaleSet) {
        throw new UserError(
            `${at}.scaleSet is missing: the name or ARM id of the pool's scale set, or machinePool, machineDeployment or machineSet (NAMESPACE/NAME) for a pool of Cluster API`,
        );
    }
    if (scaleSet.startsWith("/")) {
        return parseScaleSetId(scaleSet);
    }
    if (!resourceGroup) {
        throw new UserError(`${project}:resourceGroup is missing: the resource group of the pools' scale sets`);
    }
    return { name: scaleSet, resourceGroup };
}

/**
 * Refuses a scale set, or a pool's name, that stands in the configuration twice. Azure compares names without case, and
 * so do we.
 *
 * @param subscription that of scale sets given by name, once it is known
 * @throws UserError in one line
 */
export function refuseTwice(pools: PoolSettings[], at: string, subscription = ""): void {
    const places = new Map<string, number>();
    pools.forEach(({ name, scaleSet, machinePool, machines }, index) => {
        const isLocated = scaleSet.resourceGroup !== "" && machines === undefined;
        const { kind, namespace, name: itsName } = machines ?? { kind: "MachinePool", ...machinePool };
        const place = isLocated
            ? `scale set ${scaleSet.name} in resource group ${scaleSet.resourceGroup}`
            : `${kind} ${namespace}/${itsName}`;
        const where = isLocated ? `${place} of ${scaleSet.subscriptionId ?? subscription}` : place;
        for (const seen of [where.toLowerCase(), `pool name ${name}`.toLowerCase()]) {
            const first = places.get(seen);
            if (first !== undefined && first !== index) {
                const what = seen.startsWith("pool name") ? `the pool name "${name}"` : place;
                throw new UserError(`${at}[${index}] has ${what}, as ${at}[${first}] has; name each pool once`);
            }
            places.set(seen, index);
        }
    });
}

/**
 * Refuses a canary that is not another pool, and pools that wait for each other.
 *
 * @throws UserError in one line
 */
function refuseCanaries(pools: PoolSettings[], at: string): void {
    const canaryOf = new Map(pools.map(({ name, selection }) => [name, selection.canary]));
    pools.forEach(({ name, selection: { canary } }, index) => {
        if (canary !== undefined && !canaryOf.has(canary)) {
            const others = [...canaryOf.keys()].filter((each) => each !== name).join(", ") || "none";
            throw new UserError(`${at}[${index}].canary: there is no pool "${canary}"; the other pools are ${others}`);
        }
        const waitsFor = [name];
        for (let next = canary; next !== undefined; next = canaryOf.get(next)) {
            if (waitsFor.includes(next)) {
                const circle = [...waitsFor, next].join(" for ");
                throw new UserError(
                    `${at}[${index}].canary: pools wait for each other, and none would get an image: ${circle}`,
                );
            }
            waitsFor.push(next);
        }
    });
}

function defined<T extends object>(values: T): Partial<T> {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
