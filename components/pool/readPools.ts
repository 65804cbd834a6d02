// What is known of a pool before anything is declared: read from Azure, checked, refused in one line where it must be.
import { diskControllerOfPool, osDiskOfPool, type OsDisk } from "../azure/osDisks";
import {
    galleryId,
    imageDefinitionId,
    isSameGroup,
    parseArmId,
    parseScaleSetId,
    scaleSetId,
    versionIn,
    type ScaleSetId,
} from "../azure/ids";
import { clusterOf, otherClusterRefusals, type ClusterMember } from "../capi/clusters";
import { readMachinePool } from "../capi/machinePool";
import { textOf } from "../capi/machineRefusals";
import { capiRefusal, nameOf } from "../capi/refusals";
import type { Clusters } from "../config/clusters";
import { refuseTwice, type PoolSettings } from "../config/load";
import { UserError } from "../core/errors";
import { describePool, machinesId, singleVmsIn } from "../core/machinesId";
import type { KubernetesSettings } from "../node/kubernetes";
import { RELEASE, findDefinitionPlace, otherGallery, type DefinitionRequest } from "./definitionPlace";
import { liveImageOf } from "./liveImage";
import type { MachinePoolFacts } from "./machinePool";
import { locateMachines, modelOfMachines, readMachinesFacts, type MachinesFacts } from "./machines";
import {
    controllerMatters,
    imageTraits,
    impossibleSecurity,
    mismatch,
    type ExistingDefinition,
    type ModelTraits,
} from "./gallery";
import { findGallery, groupsWithGallery } from "./galleryPlace";
import { refuseOtherMembers } from "./membership";
import { poolIdOf, type PoolModel } from "./model";
import { newNodesRefusal } from "./newNodes";
import type { GallerySettings, Pool } from "./pool";
import { findDefaultSubscription } from "./providers";
import { captureRefusal, refusal } from "./refusals";
import { readScaleSet } from "./scaleSet";
import { definitionInState, isMadeHere, lastDefinition, ownNames, type StackFacts } from "./stackFacts";
import { imageStorage } from "./storage";

/**
 * Reads every pool of the configuration and checks whether it may be changed.
 *
 * @param clusters how to reach the API server that has the MachinePools, and which Cluster's nodes are looked for
 * @param facts what this stack knows of itself
 * @throws UserError with one line for each pool that is refused
 */
export async function readPools(
    configured: PoolSettings[],
    { capi: managementCluster, workloadCluster }: Pick<Clusters, "capi" | "workloadCluster">,
    facts: StackFacts,
): Promise<Pool[]> {
    const subscriptionId = await findDefaultSubscription();
    const keyOf = (pool: PoolSettings, index: number) => `kamino:pools[${index}].${placeKey(pool)}`;
    const read = await all(configured, (pool, index) => readOwner(pool, managementCluster, keyOf(pool, index)));
    refuseOtherClusters(read, keyOf, workloadCluster);
    const located = await all(read, (pool, index) => locate(pool, keyOf(pool.settings, index)));
    const settings = located.map((pool) => pool.settings);
    refuseTwice(settings, "kamino:pools", subscriptionId);
    refuseOtherMembers(
        located.map((pool, index) => ({
            ...{ name: pool.settings.name, id: idOf(pool, subscriptionId) },
            configKey: keyOf(pool.settings, index),
        })),
        facts.previous,
    );
    return await all(located, (pool, index) =>
        readPool(pool, {
            configKey: keyOf(pool.settings, index),
            subscriptionId: pool.settings.scaleSet.subscriptionId ?? subscriptionId,
            groups: groupsWithGallery(pool.settings, settings),
            facts,
        }),
    );
}

/** The ARM id of the scale set, or the `machinesId` of a pool of single VMs. */
function idOf({ settings, machines }: OwnedPool, defaultSubscription: string): string {
    const { subscriptionId = defaultSubscription, resourceGroup, name } = settings.scaleSet;
    const at = { subscriptionId, resourceGroup };
    return machines ? machinesId({ ...at, ...machines.at }) : scaleSetId({ ...at, name });
}

/** The configuration's key that says where the pool is. */
function placeKey({ machinePool, machines }: PoolSettings): string {
    if (machines) {
        return machines.kind === "MachineSet" ? "machineSet" : "machineDeployment";
    }
    return machinePool ? "machinePool" : "scaleSet";
}

/** Does the same for each pool; what fails for some is said of all of them at once. */
async function all<P, T>(pools: P[], work: (pool: P, index: number) => T | Promise<T>): Promise<T[]> {
    const results = await Promise.allSettled(pools.map(async (pool, index) => await work(pool, index)));
    const failures = results.flatMap((result) => (result.status === "rejected" ? [result.reason as Error] : []));
    if (failures.length > 0) {
        const unexpected = failures.find((failure) => !(failure instanceof UserError));
        // The same reason for many pools (an unreachable Azure, say) is said once.
        throw unexpected ?? new UserError([...new Set(failures.map(({ message }) => message))].join("\n"));
    }
    return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

/** The settings of a pool, and what the management cluster says of it. */
interface OwnedPool {
    settings: PoolSettings;
    machinePool?: MachinePoolFacts;
    machines?: MachinesFacts;
}

/**
 * Reads what Cluster API has of a pool; of any other pool there is nothing to read.
 *
 * @param kubernetes how to reach the management cluster
 * @throws UserError in one line
 */
async function readOwner(
    settings: PoolSettings,
    kubernetes: KubernetesSettings,
    configKey: string,
): Promise<OwnedPool> {
    if (settings.machines) {
        return { settings, machines: await readMachinesFacts(settings.machines, kubernetes, configKey) };
    }
    if (settings.machinePool) {
        const capi = await readMachinePool(kubernetes, settings.machinePool, configKey);
        return { settings, machinePool: { capi, kubernetes } };
    }
    return { settings };
}

/** @throws UserError with a line for each pool whose nodes are in another Cluster than the one looked at */
function refuseOtherClusters(
    pools: OwnedPool[],
    keyOf: (pool: PoolSettings, index: number) => string,
    workloadCluster: Clusters["workloadCluster"],
): void {
    const members = pools.flatMap(({ settings, machinePool, machines }, index): ClusterMember[] => {
        const configKey = keyOf(settings, index);
        if (machines) {
            return [{ configKey, text: textOf(machines.capi), cluster: clusterOf(machines.capi.owner) }];
        }
        const owner = machinePool?.capi.machinePool;
        return owner ? [{ configKey, text: `MachinePool ${nameOf(owner)}`, cluster: clusterOf(owner) }] : [];
    });
    const lines = otherClusterRefusals(members, workloadCluster);
    if (lines.length > 0) {
        throw new UserError(lines.join("\n"));
    }
}

/**
 * Refuses a MachinePool, MachineDeployment or MachineSet that must not be changed.
 *
 * @returns the pool's settings with the place of its scale set, or of its VMs; any other pool's say it already
 * @throws UserError in one line
 */
function locate({ settings, machinePool, machines }: OwnedPool, configKey: string): OwnedPool {
    if (machines) {
        return { settings: locateMachines(settings, machines, configKey), machines };
    }
    if (!machinePool) {
        return { settings };
    }
    const { capi } = machinePool;
    const reason = capiRefusal(capi, configKey);
    if (reason) {
        throw new UserError(reason);
    }
    const id = (capi.azureMachinePool.spec.providerID ?? "").replace(/^azure:\/\//, "");
    const scaleSet = { ...settings.scaleSet, ...parseScaleSetId(id) };
    return { settings: { ...settings, scaleSet }, machinePool };
}

/** Where a pool stands: in the configuration, in Azure, in its stack. */
interface Surroundings {
    configKey: string;
    subscriptionId: string;
    groups: string[];
    facts: StackFacts;
}

/** The model first: what is refused is refused by that, before anything else is asked. */
async function readPool(
    { settings, machinePool, machines }: OwnedPool,
    { configKey, subscriptionId, groups, facts }: Surroundings,
): Promise<Pool> {
    const { resourceGroup, name } = settings.scaleSet;
    const scaleSet = { subscriptionId, resourceGroup, name };
    const found = machines
        ? await modelOfMachines(machines, scaleSet, configKey)
        : { live: await readScaleSet(scaleSet, configKey) };
    const live: PoolModel = found.live;
    const reason =
        refusal(live, configKey, { ownedByCapz: machinePool !== undefined }) ??
        captureRefusal(live, settings.capture.mode, configKey) ??
        newNodesRefusal(settings.newNodes, live, configKey);
    if (reason) {
        throw new UserError(reason);
    }
    const { location } = live;
    const liveImage = liveImageOf({ live, machinePool, machines });
    const [gallery, disk] = await Promise.all([
        findGallery({
            ...{ configured: settings.image.gallery, pool: settings.name, scaleSet, location, facts, groups },
        }),
        "disk" in found ? found.disk : osDiskOfPool(poolIdOf(live)),
    ]);
    const [definition, storage] = await Promise.all([
        findDefinition(live, disk, gallery, {
            ...{ pool: settings.name, configKey, scaleSet, facts },
            liveImageId: liveImage.id,
        }),
        imageStorage(live, disk, settings.image, { configKey, subscriptionId, gallery }),
    ]);
    return {
        settings,
        configKey,
        scaleSet,
        live,
        liveImage,
        ...(machinePool && { machinePool }),
        ...(machines && { machines }),
        location,
        gallery,
        definition,
        liveVersion: versionIn(liveImage.id, imageDefinitionId({ gallery, definition })),
        storage,
        ...(disk && { diskAccess: disk.access }),
        tags: settings.tags,
        stack: facts.name,
    };
}

/** What the model, or one of its VMs, says of the VMs that start from it. */
async function traitsOfVms(
    live: PoolModel,
    disk: OsDisk | undefined,
    existing: ExistingDefinition | undefined,
): Promise<ModelTraits> {
    const profile = live.virtualMachineProfile;
    const named = profile?.storageProfile?.diskControllerType ?? disk?.diskControllerType;
    const isAsked = !named && disk && singleVmsIn(live.id) === undefined && controllerMatters(disk, existing);
    return {
        securityType: profile?.securityProfile?.securityType,
        diskControllerType: isAsked ? await diskControllerOfPool(poolIdOf(live)) : named,
        plan: live.plan,
    };
}

/** Whose definition is looked for. */
type DefinitionIdentity = Pick<DefinitionRequest, "pool" | "scaleSet" | "liveImageId"> & {
    configKey: string;
    facts: StackFacts;
};

/** The pool's image definition: made by this stack unless another one, which must match the VMs, exists already. */
async function findDefinition(
    live: PoolModel,
    disk: OsDisk | undefined,
    gallery: GallerySettings,
    { pool, configKey, scaleSet, liveImageId, facts }: DefinitionIdentity,
): Promise<Pool["definition"]> {
    const inState = definitionInState(facts, pool);
    const hasVersions = (facts.previous.get(pool)?.versions ?? []).length > 0;
    const { name, existing } = await findDefinitionPlace({
        ...{
            pool,
            gallery,
            scaleSet,
            live,
            liveImageId,
            hasVersions,
            stack: facts.name,
            ownNames: ownNames(facts, inState),
        },
    });
    const id = imageDefinitionId({ gallery, definition: { name } });
    const isBound = hasVersions || inState !== undefined;
    if (isBound) {
        refuseMove(pool, scaleSet, id, facts);
    }
    const vms = await traitsOfVms(live, disk, existing);
    const traits = disk ? imageTraits(disk, vms) : existing;
    if (!traits) {
        throw new UserError(
            `${configKey}: ${describePool(live.id)} has no node yet, so what its images must match is not known; ` +
                `scale it to at least one node, or take it out of kamino:pools`,
        );
    }
    const security = impossibleSecurity(traits);
    if (security) {
        throw new UserError(
            `${configKey}: the model of ${describePool(live.id)} makes ${security} VMs, and a node's OS disk is of generation V1, which Azure has no ` +
                `such images of: the pool's nodes were made from different models; replace those of generation V1, or take it out of kamino:pools`,
        );
    }
    const difference = existing && mismatch(existing, traits, vms);
    if (difference) {
        throw new UserError(
            `kamino:gallery: image definition ${id} does not match ${describePool(live.id)}: ${difference}; ${otherGallery(isBound)}`,
        );
    }
    const managed = !existing || isMadeHere(facts, existing, inState);
    const imports = managed && existing !== undefined && facts.state !== undefined && inState === undefined;
    const { securityType } = existing ?? traits;
    return { name, traits, managed, imports, ...(securityType && { securityType }) };
}

/**
 * Refuses another definition than the one that the pool's images are in: the stack would delete them there, and new
 * nodes start from one of them.
 *
 * @throws UserError in one line
 */
function refuseMove(pool: string, scaleSet: ScaleSetId, now: string, facts: StackFacts): void {
    const last = lastDefinition(facts, pool);
    if (last === undefined || last.toLowerCase() === now.toLowerCase()) {
        return;
    }
    const { subscriptionId, resourceGroup, names } = parseArmId(last);
    const at = { subscriptionId, resourceGroup, name: names[0] };
    const gallery = isSameGroup(at, scaleSet) ? at.name : galleryId(at);
    throw new UserError(
        `kamino:gallery: the images of pool "${pool}" are in ${last}, and would have to be made anew in ${now}: keep ` +
            `kamino:gallery: ${gallery}, or release the pool and add it with the other gallery (${RELEASE})`,
    );
}
