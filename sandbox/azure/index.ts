// A local Azure Resource Manager: starts it, and gives tests and the sandbox a handle on it.
import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { createAuthority } from "../authority";
import type { Cloud } from "./cloud";
import { Collection } from "./collection";
import { Faults } from "./faults";
import { Fleet } from "./fleet";
import { deleteWithInterfaces } from "./flexible";
import { Folders } from "./folders";
import { RateLimits } from "./http/headers";
import { createServer } from "./http/server";
import { PUBLIC_HOSTS, addSignIn } from "./http/signIn";
import { TokenService } from "./http/tokens";
import { Operations } from "./operations";
import { DEFAULT_GROUP, DEFAULT_LOCATION, poolBody, scaleSetName } from "./pools";
import { Policies } from "./policies";
import { Principals, type Principal, type RoleAssignment } from "./rbac";
import { RequestLog } from "./requestLog";
import { groupId } from "./ids";
import { checkModelCount } from "./model/scaleSetRules";
import { create } from "./resources/scaleSets";
import { scaleSetSchema } from "./model/schema";
import { SingleVm } from "./singleVm";
import { createSingleVm } from "./singleVms";
import { FAST, type Durations, type PoolOptions, type ScaleSet, type Vm, type VmEvent, type VmOptions } from "./types";

export type { Durations, PoolOptions, Power, ScaleSet, ScaleSetBody, Vm, VmEvent, VmOptions } from "./types";
export type { LinkedAccess, Principal, Role, RoleAssignment } from "./rbac";
export type { LoggedRequest } from "./requestLog";
export { FAST } from "./types";

/** How to start it. */
export interface AzureOptions {
    /** Folder for the CA's certificate and the disks' files. */
    directory: string;
    durations?: Partial<Durations>;
    now?: () => Date;
    subscriptionId?: string;
    tenantId?: string;
    /**
     * Never says `Retry-After: 0`, as the real one never does: az takes 0 for nothing and waits for 30 seconds. Default
     * false, by which operations of milliseconds end at once for clients that take 0 for what it says.
     */
    wholeSeconds?: boolean;
}

/** A running local Azure. */
export interface AzureSandbox {
    readonly url: string;
    /** PEM file of the authority that clients must trust. */
    readonly caFile: string;
    readonly ca: string;
    readonly subscriptionId: string;
    readonly tenantId: string;
    /** What processes need to find it and sign in as the default principal, who owns the subscription. */
    readonly env: NodeJS.ProcessEnv;
    /** Durations in force; may be changed while it runs. */
    readonly durations: Durations;
    readonly principal: Principal;
    readonly principals: Principals;
    readonly tokens: TokenService;
    readonly faults: Faults;
    readonly requests: RequestLog;
    readonly policies: Policies;
    /** Makes a disk encryption set; returns its id. */
    addDiskEncryptionSet(name: string, group: string, location: string, subscriptionId?: string): string;
    /** Adds a subscription to the tenant, where the default principal is an owner as well; returns its id. */
    addSubscription(name: string, subscriptionId?: string): string;
    /** In the first subscription unless another is named. */
    createResourceGroup(name: string, location: string, subscriptionId?: string): void;
    /** Makes an AKS-Engine-like pool and waits until its VMs have booted. */
    createScaleSet(options: PoolOptions): Promise<ScaleSet>;
    /** Makes a VM apart from scale sets, whose node joins by kubeadm, and waits until it has booted. */
    createVm(options: VmOptions): Promise<Vm>;
    /** Deletes a VM of either kind, as the portal's button does. */
    deleteVm(vmId: string): Promise<void>;
    scaleSets(): ScaleSet[];
    scaleSet(id: string): ScaleSet | undefined;
    /** All VMs, single ones last, or those of a scale set, with those that are attached to it. */
    vms(scaleSetId?: string): Vm[];
    vm(id: string): Vm | undefined;
    /** Root folder of the files on a disk, of whatever kind, a snapshot or an image version. */
    diskFolder(id: string): string | undefined;
    /**
     * What the cluster autoscaler would do; resolves when the machines are there or gone, also when one did not boot
     * well. Rejects when the compute service refuses the number.
     */
    setCapacity(scaleSetId: string, capacity: number): Promise<void>;
    onVm(listener: (event: VmEvent) => void): () => void;
    /** The guest switched itself off at once (sysrq `o`): nothing more is written to its disk. */
    stopVmFromInside(vmId: string): Promise<void>;
    /** As the portal's start, stop and restart buttons. */
    startVm(vmId: string): Promise<void>;
    powerOffVm(vmId: string, options?: { skipShutdown?: boolean }): Promise<void>;
    restartVm(vmId: string): Promise<void>;
    /** Variables that sign a process in as this principal instead of the default one. */
    envFor(principal: Principal): NodeJS.ProcessEnv;
    /** Waits until no long-running operation is under way. */
    settled(): Promise<void>;
    stop(): Promise<void>;
}

/** Starts a local Azure on a free port of the loopback address. */
export async function startAzure(options: AzureOptions): Promise<AzureSandbox> {
    mkdirSync(options.directory, { recursive: true });
    const authority = await createAuthority("kamino sandbox CA");
    const caFile = join(options.directory, "ca.pem");
    writeFileSync(caFile, authority.certificate);
    const { cloud, listening } = await build(options);
    const app = createServer(cloud, await authority.server(["localhost", ...PUBLIC_HOSTS], ["127.0.0.1"]));
    const principal = cloud.principals.add({
        name: "owner",
        assignments: [ownerOf(cloud.subscriptionId)],
    });
    addSignIn(app, cloud, { header: randomUUID(), clientId: () => principal.clientId });
    const sandbox = handle(cloud, app, principal, { caFile, ca: authority.certificate });
    await app.listen({ host: "127.0.0.1", port: 0 });
    listening(`https://localhost:${(app.server.address() as AddressInfo).port}`);
    return sandbox;
}

async function build(options: AzureOptions): Promise<{ cloud: Cloud; listening: (url: string) => void }> {
    let address = "";
    const url = () => address;
    const now = options.now ?? (() => new Date());
    const subscriptionId = options.subscriptionId ?? randomUUID();
    const tenantId = options.tenantId ?? randomUUID();
    const principals = new Principals();
    const cloud: Cloud = {
        ...{ subscriptionId, tenantId, url, now, principals },
        subscriptions: new Collection(),
        durations: { ...FAST, ...options.durations },
        ...{
            groups: new Collection(),
            disks: new Collection(),
            snapshots: new Collection(),
            galleries: new Collection(),
            encryptionSets: new Collection(),
        },
        ...{ definitions: new Collection(), versions: new Collection(), scaleSets: new Collection() },
        ...{ networkInterfaces: new Collection(), availabilitySets: new Collection() },
        folders: new Folders(options.directory),
        fleet: new Fleet(() => cloud),
        operations: new Operations({ url, now, wholeSeconds: options.wholeSeconds ?? false }),
        tokens: await TokenService.create({ url, tenantId, principals, now }),
        ...{ policies: new Policies(), faults: new Faults(), requests: new RequestLog(), limits: new RateLimits() },
    };
    cloud.subscriptions.set({ id: `/subscriptions/${subscriptionId}`, subscriptionId, name: "kamino sandbox" });
    return { cloud, listening: (text) => (address = text) };
}

function handle(
    cloud: Cloud,
    app: FastifyInstance,
    principal: Principal,
    trust: { caFile: string; ca: string },
): AzureSandbox {
    const vm = (id: string) => cloud.fleet.get(id);
    const known = (id: string) => {
        const found = vm(id);
        if (!found) {
            throw new Error(`There is no VM ${id} in the local Azure.`);
        }
        return found;
    };
    const envFor = (who: Principal): NodeJS.ProcessEnv => ({
        ARM_METADATA_HOSTNAME: new URL(cloud.url()).host,
        ARM_CLIENT_ID: who.clientId,
        ARM_CLIENT_SECRET: who.secret,
        ARM_TENANT_ID: cloud.tenantId,
        ARM_SUBSCRIPTION_ID: cloud.subscriptionId,
        NODE_EXTRA_CA_CERTS: trust.caFile,
        SSL_CERT_FILE: trust.caFile,
        NO_PROXY: "localhost,127.0.0.1",
        no_proxy: "localhost,127.0.0.1",
    });
    const { subscriptionId, tenantId, durations, principals, tokens, faults, requests, policies } = cloud;
    return {
        ...{
            ...trust,
            subscriptionId,
            tenantId,
            durations,
            principal,
            principals,
            tokens,
            faults,
            requests,
            policies,
            envFor,
            vm,
        },
        get url() {
            return cloud.url();
        },
        get env() {
            return envFor(principal);
        },
        addDiskEncryptionSet: (name, group, location, subscription = cloud.subscriptionId) => {
            addGroup(cloud, groupId(subscription, group), location);
            return addEncryptionSet(cloud, groupId(subscription, group), name, location);
        },
        addSubscription: (name, id = randomUUID()) => {
            cloud.subscriptions.set({ id: `/subscriptions/${id}`, subscriptionId: id, name });
            principal.assignments.push(ownerOf(id));
            return id;
        },
        createResourceGroup: (name, location, subscription = cloud.subscriptionId) =>
            void addGroup(cloud, groupId(subscription, name), location),
        createScaleSet: (options) => createPool(cloud, options),
        createVm: (options) => {
            const group = groupId(
                options.subscriptionId ?? cloud.subscriptionId,
                options.resourceGroup ?? DEFAULT_GROUP,
            );
            addGroup(cloud, group, options.location ?? DEFAULT_LOCATION);
            return createSingleVm(cloud, options);
        },
        deleteVm: (id) => {
            const vm = known(id);
            return vm instanceof SingleVm ? deleteWithInterfaces(cloud, vm) : cloud.fleet.delete(vm);
        },
        scaleSets: () => cloud.scaleSets.all(),
        scaleSet: (id) => cloud.scaleSets.get(id),
        vms: (id) => (id === undefined ? cloud.fleet.all() : cloud.fleet.membersOf(id)),
        diskFolder: (id) => (cloud.disks.get(id) ?? cloud.snapshots.get(id) ?? cloud.versions.get(id))?.folder,
        setCapacity: (id, capacity) => setCapacity(cloud, id, capacity),
        onVm: (listener) => cloud.fleet.onVm(listener),
        stopVmFromInside: (id) => Promise.resolve(cloud.fleet.powerOff(known(id), false)),
        startVm: (id) => cloud.fleet.start(known(id)),
        powerOffVm: (id, how) => Promise.resolve(cloud.fleet.powerOff(known(id), !how?.skipShutdown)),
        restartVm: (id) => cloud.fleet.restart(known(id)),
        settled: () => cloud.operations.settled(),
        stop: async () => {
            cloud.operations.stop();
            cloud.fleet.stop();
            await app.close();
        },
    };
}

function addGroup(cloud: Cloud, id: string, location: string): void {
    if (!cloud.groups.get(id)) {
        cloud.groups.set({ id, name: id.split("/")[4], location, tags: {} });
    }
}

function addEncryptionSet(cloud: Cloud, group: string, name: string, location: string): string {
    const id = `${group}/providers/Microsoft.Compute/diskEncryptionSets/${name}`;
    const properties = { encryptionType: "EncryptionAtRestWithCustomerKey", provisioningState: "Succeeded" };
    cloud.encryptionSets.set({
        id,
        wire: { id, name, type: "Microsoft.Compute/diskEncryptionSets", location, properties },
    });
    return id;
}

function ownerOf(subscriptionId: string): RoleAssignment {
    return { scope: `/subscriptions/${subscriptionId}`, role: { name: "Owner", actions: ["*"] } };
}

async function createPool(cloud: Cloud, options: PoolOptions): Promise<ScaleSet> {
    const subscriptionId = options.subscriptionId ?? cloud.subscriptionId;
    const group = groupId(subscriptionId, options.resourceGroup ?? DEFAULT_GROUP);
    addGroup(cloud, group, options.location ?? DEFAULT_LOCATION);
    const id = `${group}/providers/Microsoft.Compute/virtualMachineScaleSets/${scaleSetName(options)}`;
    if (cloud.scaleSets.get(id)) {
        throw new Error(`There is a scale set ${id} already.`);
    }
    const record = create(cloud, id, scaleSetSchema.parse(poolBody(options, subscriptionId)));
    record.wire.properties.provisioningState = "Succeeded";
    await cloud.fleet.scale(record, record.capacity);
    return record;
}

async function setCapacity(cloud: Cloud, id: string, capacity: number): Promise<void> {
    const record = cloud.scaleSets.get(id);
    if (!record) {
        throw new Error(`There is no scale set ${id} in the local Azure.`);
    }
    checkModelCount(cloud, record, record.modelVersion, capacity);
    record.sku.capacity = capacity;
    record.etagCounter += 1;
    // A VM that does not boot well is for the caller to look at: the autoscaler too only sees that no node comes.
    await cloud.fleet.scale(record, capacity).catch(() => undefined);
}
