// The handle on a running Cluster API: makes its cluster and pools, and looks at what the managers did.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiException, type V1Node } from "@kubernetes/client-node";
import type { AzureSandbox, LoggedRequest, ScaleSet, Vm } from "../azure";
import { DEFAULT_LOCATION } from "../azure/pools";
import { readyCondition, waitFor, type Api } from "../nodes/api";
import { providerId } from "../nodes/nodeObject";
import { Objects, ofPool } from "./kinds";
import { MachineDeployments } from "./machineDeployments";
import type { Managers } from "./managers";
import * as manifests from "./manifests";
import { CLUSTER, GROUP, type MachinePoolOptions } from "./manifests";
import type { Manager } from "./modules";
import { passesIn, type Pass } from "./passes";
import type { AzureProxy } from "./proxy";
import { createClusterSecret, createSecret, createToken } from "./secrets";
import type { ClusterApi, ClusterApiOptions } from "./types";

const PATIENCE_MS = 180_000;
const TRY_EVERY_MS = 250;
/** Once in a second and a half: CAPZ lets events of one second pass as one. */
const TRIES_PER_POKE = 6;

/** A cluster, its pools and its managers. */
export class Handle implements ClusterApi {
    readonly kubeconfig: string;
    readonly objects: Objects;
    readonly deployments: MachineDeployments;
    readonly failed: Promise<never>;
    readonly refused: string[];
    private readonly azure: AzureSandbox;
    private readonly endpoint: manifests.Endpoint;
    private pokes = 0;

    constructor(
        private readonly options: ClusterApiOptions,
        private readonly api: Api,
        private readonly managers: Managers,
        private readonly proxy: AzureProxy,
    ) {
        const { azure, cluster } = options;
        this.azure = azure;
        this.kubeconfig = cluster.kubeconfig;
        this.objects = new Objects(api);
        this.failed = managers.supervisor.failed;
        this.refused = proxy.refused;
        this.deployments = new MachineDeployments({
            ...{ api, azure, managers, objects: this.objects },
            createBootstrapSecret: (name) => this.createBootstrapSecret(name),
            poking: (what, poke, attempt) => this.orFail(this.poking(what, poke, attempt)),
        });
        this.endpoint = { host: "127.0.0.1", port: Number(new URL(cluster.server).port) };
    }

    /** The API server takes a moment until it asks a new webhook; then each refuses what it must. */
    async untilWebhooksWork(): Promise<void> {
        const refuses = async (attempt: Promise<unknown>, by: RegExp) =>
            attempt.then(
                () => undefined,
                (error: unknown) => (by.test(String(error)) ? true : undefined),
            );
        const pool = { name: "probe", rollingUpdate: { maxSurge: 0, maxUnavailable: 0 }, version: "probe" };
        const { objects } = this;
        await waitFor("CAPZ's webhooks", () =>
            refuses(
                objects.create("AzureMachinePool", "probe", manifests.azureMachinePoolOf(pool), true),
                /MaxUnavailable/,
            ),
        );
        await waitFor("Cluster API's webhooks", () =>
            refuses(objects.create("MachinePool", "probe", manifests.machinePoolOf(pool), true), /semantic version/),
        );
    }

    async createCluster(): Promise<void> {
        const { api, azure, objects, endpoint } = this;
        const { clientId, secret = "" } = azure.principal;
        azure.createResourceGroup(GROUP, DEFAULT_LOCATION);
        await createSecret(api, { name: manifests.IDENTITY_SECRET, data: { clientSecret: secret } });
        await createClusterSecret(api, `${CLUSTER}-kubeconfig`, { value: readFileSync(this.kubeconfig, "utf8") });
        // Of the authority that the bootstrap provider wants nodes to know.
        const file = (name: string) => readFileSync(join(this.options.cluster.directory, name), "utf8");
        await createClusterSecret(api, `${CLUSTER}-ca`, { "tls.crt": file("ca.crt"), "tls.key": file("ca.key") });
        await objects.create(
            "AzureClusterIdentity",
            manifests.IDENTITY,
            manifests.identityOf(azure.tenantId, clientId),
        );
        await objects.create("AzureCluster", CLUSTER, manifests.azureClusterOf(azure.subscriptionId, endpoint));
        await objects.create("Cluster", CLUSTER, manifests.clusterOf(endpoint));
        // What the owner of an externally managed AzureCluster says.
        await objects.patchStatus("AzureCluster", CLUSTER, { ready: true });
        await waitFor(`cluster ${CLUSTER} to have its control plane`, () => this.initializeControlPlane());
        await waitFor(`the managers to reach cluster ${CLUSTER}`, () => this.isTrue("RemoteConnectionProbe"));
    }

    /**
     * Says what a control plane provider would: that the API server answers. Cluster API keeps the condition once it is
     * True, but writes the list that it is in meanwhile.
     */
    private async initializeControlPlane(): Promise<true | undefined> {
        if (await this.isTrue("ControlPlaneInitialized")) {
            return true;
        }
        const { metadata, status } = await this.objects.get("Cluster", CLUSTER);
        const conditions = status?.conditions ?? [];
        const isOurs = ({ type }: { type: string }) => type === "ControlPlaneInitialized";
        const lastTransitionTime = new Date().toISOString();
        const ours = { type: "ControlPlaneInitialized", status: "True", reason: "Initialized", lastTransitionTime };
        const changed = {
            initialization: { controlPlaneInitialized: true },
            conditions: [...conditions.filter((one) => !isOurs(one)), { ...ours, message: "" }],
        };
        await this.objects.patchStatus("Cluster", CLUSTER, changed, metadata.resourceVersion).catch(ignoreConflict);
        return undefined;
    }

    private async isTrue(condition: string): Promise<true | undefined> {
        const { status } = await this.objects.get("Cluster", CLUSTER);
        const conditions = status?.conditions ?? [];
        return conditions.some((one) => one.type === condition && one.status === "True") || undefined;
    }

    async createMachinePool(options: MachinePoolOptions): Promise<ScaleSet> {
        const { name, replicas = 3 } = options;
        if (options.bootstrap === "kubeadm-config") {
            await this.objects.create("KubeadmConfig", name, manifests.kubeadmConfigOf());
        } else {
            await this.createBootstrapSecret(name, options.version);
        }
        // CAPZ's webhook asks a pool of mode Flexible for its MachinePool's version.
        await this.objects.create("MachinePool", name, manifests.machinePoolOf(options));
        await this.objects.create("AzureMachinePool", name, manifests.azureMachinePoolOf(options));
        await this.settled(name, replicas);
        return this.scaleSet(name);
    }

    private async createBootstrapSecret(name: string, version?: string): Promise<void> {
        const value = manifests.joinCloudConfig(this.endpoint, await createToken(this.api), version);
        await createClusterSecret(this.api, manifests.bootstrapSecret(name), { value });
    }

    async settled(pool: string, replicas: number): Promise<V1Node[]> {
        const attempt = async () => ((await this.isSettled(pool, replicas)) ? this.nodes(pool) : undefined);
        return this.orFail(this.pokingPool(pool, `pool ${pool} to have ${replicas} nodes`, attempt));
    }

    /** Whether Azure, the cluster, Cluster API and CAPZ all have this many machines, and nothing is under way. */
    private async isSettled(pool: string, replicas: number): Promise<boolean> {
        const [nodes, machines, azureMachines, azurePool, machinePool] = await Promise.all([
            this.nodes(pool),
            this.objects.list("Machine", ofPool(pool)),
            this.objects.list("AzureMachinePoolMachine", ofPool(pool)),
            this.objects.get("AzureMachinePool", pool),
            this.objects.get("MachinePool", pool),
        ]);
        const named = machines.map(({ status }) => status?.nodeRef?.name);
        return (
            [nodes, machines, azureMachines, this.vms(pool)].every(({ length }) => length === replicas) &&
            nodes.every((node) => readyCondition(node)?.status === "True" && named.includes(node.metadata?.name)) &&
            [azurePool, machinePool].every(({ status }) => status?.replicas === replicas) &&
            azurePool.status?.provisioningState === "Succeeded"
        );
    }

    async scale(pool: string, replicas: number): Promise<V1Node[]> {
        await this.objects.patch("MachinePool", pool, { spec: { replicas } });
        return this.settled(pool, replicas);
    }

    scaleSet(pool: string): ScaleSet {
        const found = this.azure
            .scaleSets()
            .find(({ name, resourceGroup }) => name === pool && resourceGroup === GROUP);
        if (!found) {
            throw new Error(`CAPZ has made no scale set ${pool}`);
        }
        return found;
    }

    vms(pool: string): Vm[] {
        const found = this.azure
            .scaleSets()
            .find(({ name, resourceGroup }) => name === pool && resourceGroup === GROUP);
        return found ? this.azure.vms(found.id) : [];
    }

    async nodes(pool: string): Promise<V1Node[]> {
        const ids = this.vms(pool).map(({ id }) => providerId(id));
        const { items } = await this.api.core.listNode();
        return items.filter(({ spec }) => ids.includes(spec?.providerID ?? ""));
    }

    log(manager: Manager): string {
        return this.managers.log(manager);
    }

    passes(pool: string): Pass[] {
        return passesIn(this.log("capz"), pool);
    }

    async poke(pool: string): Promise<void> {
        const annotations = { "sandbox.kamino/poked": String(++this.pokes) };
        await this.objects.patch("AzureMachinePool", pool, { metadata: { annotations } });
    }

    async passesWhere(pool: string, from: number, wanted: number, counts: (pass: Pass) => boolean): Promise<Pass[]> {
        const attempt = () => {
            const found = this.passes(pool).slice(from).filter(counts);
            return Promise.resolve(found.length >= wanted ? found : undefined);
        };
        return this.orFail(this.pokingPool(pool, `${wanted} looks of CAPZ at pool ${pool}`, attempt));
    }

    private pokingPool<T>(pool: string, what: string, attempt: () => Promise<T | undefined>): Promise<T> {
        return this.poking(what, () => this.poke(pool), attempt);
    }

    /** Tries until there is an answer, and pokes meanwhile. */
    private async poking<T>(
        what: string,
        poke: () => Promise<void>,
        attempt: () => Promise<T | undefined>,
    ): Promise<T> {
        let tries = 0;
        return waitFor(
            what,
            async () => {
                const result = await attempt();
                if (result === undefined) {
                    await (++tries % TRIES_PER_POKE === 0 ? poke() : undefined);
                    await sleep(TRY_EVERY_MS);
                }
                return result;
            },
            PATIENCE_MS,
        );
    }

    deletions(): LoggedRequest[] {
        const deletes = ({ method, path }: LoggedRequest) => method === "DELETE" || /\/delete$/i.test(path);
        return this.azure.requests.all().filter(deletes);
    }

    async stop(): Promise<void> {
        await this.managers.supervisor.stop();
        await this.proxy.close();
    }

    /** The work, or why it could not be done, with the managers' last errors. */
    private async orFail<T>(work: Promise<T>): Promise<T> {
        return Promise.race([work, this.failed]).catch((error: Error) => {
            const telling = this.managers.names.map((name) => `${name}: ${lastErrors(this.log(name))}`);
            throw new Error([error.message, ...telling].join("\n"), { cause: error });
        });
    }
}

/** Somebody else has written meanwhile: the caller reads again. */
function ignoreConflict(error: unknown): void {
    if (!(error instanceof ApiException && error.code === 409)) {
        throw error;
    }
}

/** The last errors in a manager's log. */
function lastErrors(log: string): string {
    const errors = log.split("\n").filter((line) => /^E\d{4} |"?error"?[:=]/i.test(line));
    return errors.slice(-3).join("\n") || "no errors";
}
