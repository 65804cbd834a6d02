// What Cluster API's own managers do with machine pools on the sandbox. What CAPZ does not do is counted in its looks
// at a pool, not in seconds.
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GROUP, NO_ROLLOUT, ofPool, type ClusterApi } from "../../sandbox/capi/index";
import type { Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { imageFrom, imagesOf, modelImage, setImage, type GalleryImage } from "./images";
import { startBed, type Bed } from "./support";

const MARKETPLACE = "2023.08.25";
const VERSION = "2026.1122.0412";
/** Looks at a pool after which CAPZ has had every occasion to delete. */
const LOOKS = 5;

let bed: Bed;
let sandbox: Sandbox;
let capi: ClusterApi;
let deletedBefore = 0;

beforeAll(async () => {
    bed = await startBed({ kured: false }, { kubeadmBootstrap: true });
    ({ sandbox, capi } = bed);
});
afterAll(() => bed?.stop());
beforeEach(() => void (deletedBefore = capi.deletions().length));

/** What Azure was asked to delete since the test began. */
const deletions = () =>
    capi
        .deletions()
        .slice(deletedBefore)
        .map(({ path }) => path.split("/").at(-1));
const instances = (pool: string) => capi.vms(pool).map(({ instanceId }) => instanceId);

describe("a pool that does not roll out (maxSurge 0, maxUnavailable 0%)", () => {
    const POOL = "pool1";
    let image: GalleryImage;

    beforeAll(async () => {
        await capi.createMachinePool({ name: POOL, rollingUpdate: NO_ROLLOUT });
        image = await imageFrom(sandbox, capi.vms(POOL)[0], POOL, VERSION);
    });

    test("has a Machine and an AzureMachinePoolMachine for each of its machines, and nodes that say whose they are", async () => {
        const nodes = await capi.nodes(POOL);
        const names = ["pool1-0", "pool1-1", "pool1-2"];
        expect(nodes.map(({ metadata }) => metadata?.annotations?.["cluster.x-k8s.io/machine"]).sort()).toEqual(names);
        for (const { metadata } of nodes) {
            expect(metadata?.annotations).toMatchObject({
                "cluster.x-k8s.io/cluster-name": "c1",
                "cluster.x-k8s.io/owner-kind": "MachinePool",
                "cluster.x-k8s.io/owner-name": POOL,
            });
        }
        const ids = nodes.map(({ spec }) => spec?.providerID).sort();
        for (const kind of ["Machine", "AzureMachinePoolMachine"] as const) {
            const machines = await capi.objects.list(kind, ofPool(POOL));
            expect(machines.map(({ metadata }) => metadata.name).sort(), kind).toEqual(names);
            const own = machines.map(({ spec }) => spec.providerID).sort();
            expect(own, kind).toEqual(ids);
        }
    });

    test("has machines that joined by the cloud-config in its Secret", () => {
        for (const vm of capi.vms(POOL)) {
            expect(vm).toMatchObject({ joined: true, bootstrapRan: false });
            expect(vm.bootLog.join("\n")).toContain("cloud-init: wrote /run/kubeadm/kubeadm-join-config.yaml");
        }
    });

    test("deletes no machine when its image changes, however often CAPZ looks", async () => {
        const before = instances(POOL);
        const from = capi.passes(POOL).length;
        await setImage(capi, POOL, image);
        const passes = await capi.passesWhere(POOL, from, LOOKS, ({ stale }) => stale === 3);
        expect(passes.every(({ ready, desired }) => ready === 3 && desired === 3)).toBe(true);
        expect(await modelImage(sandbox, POOL)).toBe(VERSION);
        expect(deletions()).toEqual([]);
        expect(instances(POOL)).toEqual(before);
        expect(new Set(Object.values(await imagesOf(sandbox, POOL)))).toEqual(new Set([MARKETPLACE]));
    });

    test("makes its next machine from the new image, which joins as itself, and still deletes none", async () => {
        const from = capi.passes(POOL).length;
        await capi.scale(POOL, 4);
        await capi.passesWhere(POOL, from, LOOKS, ({ stale, ready }) => stale === 3 && ready === 4);
        expect(await imagesOf(sandbox, POOL)).toEqual({ 0: MARKETPLACE, 1: MARKETPLACE, 2: MARKETPLACE, 3: VERSION });
        expect(capi.vms(POOL)[3]).toMatchObject({ joined: true, bootedClean: true });
        expect(deletions()).toEqual([]);
    });

    test("has its model put right when somebody else changes that in Azure", async () => {
        const { azure } = sandbox;
        const assignments = azure.principal.assignments;
        const { virtualMachineScaleSets } = computeClient(azure, azure.principals.add({ name: "other", assignments }));
        const model = await virtualMachineScaleSets.get(GROUP, POOL);
        const other = { publisher: "microsoft-aks", offer: "aks", sku: "aks-engine-ubuntu-1804-202112" };
        model.virtualMachineProfile!.storageProfile!.imageReference = { ...other, version: MARKETPLACE };
        await virtualMachineScaleSets.createOrUpdate(GROUP, POOL, model);
        await capi.poke(POOL);
        const writers = () => {
            const puts = azure.requests.writes().filter(({ method, path }) => method === "PUT" && path.endsWith(POOL));
            return puts.slice(-2).map(({ principal }) => principal);
        };
        await expect.poll(writers, { timeout: 60_000, interval: 500 }).toEqual(["other", azure.principal.name]);
        expect(await modelImage(sandbox, POOL)).toBe(VERSION);
        expect(deletions()).toEqual([]);
    });
});

/**
 * How long the API server goes on to take a token that was good a moment ago: ten seconds, and one more.
 * Source: k8s.io/kubernetes pkg/kubeapiserver/options/authentication.go, TokenSuccessCacheTTL
 */
const BELIEVED_FOR = 11_000;

test("a machine whose token the cluster has no more is no node, and CAPZ neither replaces it nor any other", async () => {
    const { name } = await capi.createMachinePool({ name: "pool4", replicas: 1, rollingUpdate: NO_ROLLOUT });
    const { core } = sandbox.nodes.api;
    const type = "type=bootstrap.kubernetes.io/token";
    await core.deleteCollectionNamespacedSecret({ namespace: "kube-system", fieldSelector: type });
    await setTimeout(BELIEVED_FOR);
    const from = capi.passes(name).length;
    await capi.objects.patch("MachinePool", name, { spec: { replicas: 2 } });
    await capi.passesWhere(name, from, LOOKS, ({ ready, desired }) => ready === 1 && desired === 2);
    expect(capi.vms(name)).toHaveLength(2);
    expect(await capi.nodes(name)).toHaveLength(1);
    expect(deletions()).toEqual([]);
});

test("a pool with CAPZ's own strategy has all its machines replaced when its image changes", async () => {
    const { name } = await capi.createMachinePool({ name: "pool2", replicas: 2 });
    const before = instances(name);
    await setImage(capi, name, await imageFrom(sandbox, capi.vms(name)[0], name, VERSION));
    await expect
        .poll(async () => Object.values(await imagesOf(sandbox, name)), { timeout: 120_000, interval: 500 })
        .toEqual([VERSION, VERSION]);
    await capi.settled(name, 2);
    expect(instances(name).filter((id) => before.includes(id))).toEqual([]);
    expect(deletions()).toEqual(expect.arrayContaining(before));
});

test("the kubeadm bootstrap provider's own cloud-config makes nodes as well", async () => {
    const { name } = await capi.createMachinePool({ name: "pool3", replicas: 1, bootstrap: "kubeadm-config" });
    const [vm] = capi.vms(name);
    expect(vm.bootLog.join("\n")).toContain(`kubeadm: this machine has joined the cluster as ${vm.nodeName}`);
});

describe("CAPZ's webhook", () => {
    const strategy = (maxUnavailable: number | string) => ({
        spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable } } },
    });

    test("refuses a strategy that could never replace a machine, if both are numbers", async () => {
        await expect(capi.objects.patch("AzureMachinePool", "pool1", strategy(0))).rejects.toThrow(
            /MaxUnavailable must not be 0 if MaxSurge is 0/,
        );
        const { spec } = await capi.objects.patch("AzureMachinePool", "pool1", strategy("0%"));
        expect(spec).toMatchObject({ strategy: { rollingUpdate: NO_ROLLOUT } });
    });
});

test("the nodes' player has met nothing that it did not know", async () => {
    await expect(sandbox.nodes.settled()).resolves.toBeUndefined();
});

test("the managers have asked for nothing but the cluster and Azure", () => {
    expect(capi.refused).toEqual([]);
    const refused = sandbox.azure.requests.all().filter(({ status }) => status >= 400);
    expect(new Set(refused.map(({ method, path, status }) => `${status} ${method} ${path.split("/").at(-2)}`))).toEqual(
        new Set(["404 GET virtualMachineScaleSets"]),
    );
});
