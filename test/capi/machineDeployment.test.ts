// What Cluster API's own managers do with MachineDeployments on the sandbox, whose machines are single VMs. What they
// do not do is counted in their looks, not in seconds.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GROUP, type ClusterApi } from "../../sandbox/capi/index";
import type { Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { imageFrom, imagesOfVms, type GalleryImage } from "./images";
import { startBed, type Bed } from "./support";

const MARKETPLACE = "2023.08.25";
const VERSION = "2026.1122.0412";
/** Looks after which the managers have had every occasion to replace a machine. */
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

/** What Azure was asked to delete since the test began, as `type/name`. */
const deletions = () =>
    capi
        .deletions()
        .slice(deletedBefore)
        .map(({ path }) => path.split("/").slice(-2).join("/"));
const names = (deployment: string) => capi.deployments.vms(deployment).map(({ instanceId }) => instanceId);
const replicas = async (deployment: string) =>
    (await capi.deployments.sets(deployment)).map(({ spec }) => spec.replicas);
/** Whether each Machine is of its deployment's present template. */
const upToDate = async (deployment: string) =>
    (await capi.deployments.machines(deployment)).map(
        ({ status }) => status?.conditions?.find(({ type }) => type === "UpToDate")?.status,
    );

describe("a deployment that keeps its machines (OnDelete)", () => {
    const NAME = "md1";
    let image: GalleryImage;

    beforeAll(async () => {
        await capi.deployments.create({ name: NAME });
        image = await imageFrom(sandbox, capi.deployments.vms(NAME)[0], NAME, VERSION);
    });

    test("has a Machine, an AzureMachine and a VM for each node, and nodes that say whose they are", async () => {
        const nodes = await capi.deployments.nodes(NAME);
        const [{ metadata: set }] = await capi.deployments.sets(NAME);
        expect(nodes.map(({ metadata }) => metadata?.annotations?.["cluster.x-k8s.io/machine"]).sort()).toEqual(
            names(NAME).sort(),
        );
        for (const { metadata, spec } of nodes) {
            expect(metadata?.annotations).toMatchObject({
                "cluster.x-k8s.io/cluster-name": "c1",
                "cluster.x-k8s.io/owner-kind": "MachineSet",
                "cluster.x-k8s.io/owner-name": set.name,
            });
            const name = metadata?.annotations?.["cluster.x-k8s.io/machine"] ?? "";
            for (const kind of ["Machine", "AzureMachine"] as const) {
                expect((await capi.objects.get(kind, name)).spec.providerID, kind).toBe(spec?.providerID);
            }
        }
    });

    test("has VMs in an availability set of its own, that joined by the bootstrap provider's cloud-configs", async () => {
        const { availabilitySets } = computeClient(sandbox.azure);
        const { virtualMachines = [], platformFaultDomainCount } = await availabilitySets.get(GROUP, `c1_${NAME}-as`);
        expect(virtualMachines.map(({ id }) => id?.split("/").at(-1)).sort()).toEqual(names(NAME).sort());
        expect(platformFaultDomainCount).toBe(3);
        for (const vm of capi.deployments.vms(NAME)) {
            expect(vm).toMatchObject({ joined: true, bootedClean: true, bootstrapRan: false });
            expect(vm.bootLog.join("\n")).toContain(`kubeadm: this machine has joined the cluster as ${vm.nodeName}`);
        }
    });

    test("has a template that cannot be changed", async () => {
        const spec = { template: { spec: { image } } };
        await expect(capi.objects.patch("AzureMachineTemplate", NAME, { spec })).rejects.toThrow(/immutable/);
    });

    test("replaces no machine when it is pointed at a new template, however often its managers look", async () => {
        const before = names(NAME);
        await capi.deployments.createTemplate(`${NAME}-new`, { image });
        await capi.deployments.setTemplate(NAME, `${NAME}-new`);
        await expect.poll(() => replicas(NAME), { timeout: 60_000 }).toEqual([3, 0]);
        await capi.deployments.looksAfter(NAME, LOOKS);
        expect(await replicas(NAME)).toEqual([3, 0]);
        expect(names(NAME)).toEqual(before);
        expect(await upToDate(NAME), "Cluster API knows that they are stale").toEqual(["False", "False", "False"]);
        expect(deletions()).toEqual([]);
    });

    test("makes its next machine from the new template's image, which joins as itself", async () => {
        const before = names(NAME);
        await capi.deployments.scale(NAME, 4);
        await capi.deployments.looksAfter(NAME, LOOKS);
        expect(await replicas(NAME)).toEqual([3, 1]);
        const images = await imagesOfVms(sandbox, capi.deployments.vms(NAME));
        const added = names(NAME).filter((name) => !before.includes(name));
        expect(added).toHaveLength(1);
        expect(images).toEqual({
            ...Object.fromEntries(before.map((name) => [name, MARKETPLACE])),
            [added[0]]: VERSION,
        });
        const vm = capi.deployments.vms(NAME).find(({ instanceId }) => instanceId === added[0]);
        expect(vm).toMatchObject({ joined: true, bootedClean: true });
        expect(deletions()).toEqual([]);
    });

    test("keeps a machine that is off, and one whose VM could not be started and is Failed", async () => {
        const [{ instanceId }] = capi.deployments.vms(NAME);
        const { virtualMachines } = computeClient(sandbox.azure);
        await virtualMachines.powerOff(GROUP, instanceId);
        const fault = { method: "POST", path: /\/start$/, times: 1, code: "AllocationFailed", message: "none left" };
        sandbox.azure.faults.failOperation(fault);
        await expect(virtualMachines.start(GROUP, instanceId)).rejects.toThrow("none left");
        const vmState = async () => (await capi.objects.get("AzureMachine", instanceId)).status?.vmState;
        await capi.deployments.poke(NAME);
        await expect.poll(vmState, { timeout: 60_000 }).toBe("Failed");
        await capi.deployments.looksAfter(NAME, LOOKS);
        expect(names(NAME)).toHaveLength(4);
        expect(deletions()).toEqual([]);
        await virtualMachines.start(GROUP, instanceId);
        await capi.deployments.settled(NAME, 4);
        await expect.poll(vmState, { timeout: 60_000 }).toBe("Succeeded");
    });
});

describe("a deployment with Cluster API's own strategy", () => {
    const NAME = "md2";

    test("has all its machines replaced when it is pointed at a new template, and nothing of them is left", async () => {
        await capi.deployments.create({
            ...{ name: NAME, replicas: 2, strategy: "RollingUpdate", failureDomain: "2" },
            changeTemplate: (spec) => void (spec.disableVMBootstrapExtension = false),
        });
        const before = names(NAME);
        const { virtualMachineExtensions } = computeClient(sandbox.azure);
        const waited = await virtualMachineExtensions.get(GROUP, before[0], "CAPZ.Linux.Bootstrapping");
        expect(waited.provisioningState, "CAPZ's own extension").toBe("Succeeded");
        expect(capi.deployments.vms(NAME).map(({ zone }) => zone)).toEqual(["2", "2"]);
        const image = await imageFrom(sandbox, capi.deployments.vms(NAME)[0], NAME, VERSION);
        await capi.deployments.createTemplate(`${NAME}-new`, { image });
        await capi.deployments.setTemplate(NAME, `${NAME}-new`);
        const replaced = () => !names(NAME).some((name) => before.includes(name));
        await expect.poll(replaced, { timeout: 180_000, interval: 500 }).toBe(true);
        await capi.deployments.settled(NAME, 2);
        const images = await imagesOfVms(sandbox, capi.deployments.vms(NAME));
        expect(Object.values(images)).toEqual([VERSION, VERSION]);
        for (const name of before) {
            expect(deletions()).toEqual(
                expect.arrayContaining([
                    `virtualMachines/${name}`,
                    `disks/${name}_OSDisk`,
                    `networkInterfaces/${name}-nic`,
                ]),
            );
        }
        const disks = [];
        for await (const disk of computeClient(sandbox.azure).disks.listByResourceGroup(GROUP)) {
            disks.push(disk.name);
        }
        expect(disks.filter((name) => before.some((vm) => name?.startsWith(vm)))).toEqual([]);
    });
});

test("a machine that Azure cannot make is Failed, and is neither replaced nor tried again", async () => {
    const NAME = "md3";
    await capi.deployments.create({ name: NAME, replicas: 1, bootstrap: "secret" });
    const [first] = names(NAME);
    const path = new RegExp(`/virtualMachines/${NAME}-[^/]+$`);
    sandbox.azure.faults.failOperation({
        method: "PUT",
        path,
        times: 1,
        code: "AllocationFailed",
        message: "none left",
    });
    await capi.objects.patch("MachineDeployment", NAME, { spec: { replicas: 2 } });
    await expect.poll(() => names(NAME).length, { timeout: 60_000 }).toBe(2);
    const [second] = names(NAME).filter((name) => name !== first);
    const state = async () => (await capi.objects.get("AzureMachine", second)).status?.vmState;
    await expect.poll(state, { timeout: 60_000 }).toBe("Failed");
    await capi.deployments.looksAfter(NAME, LOOKS);
    // CAPZ takes it for ready all the same: that no node comes is all that tells.
    expect((await capi.objects.get("AzureMachine", second)).status).toMatchObject({ ready: true });
    expect((await capi.objects.get("Machine", second)).status).toMatchObject({ phase: "Provisioned" });
    expect(names(NAME).sort()).toEqual([first, second].sort());
    expect(deletions()).toEqual([]);
});

test("the nodes' player has met nothing that it did not know", () => sandbox.nodes.settled());

test("the managers have asked for nothing but the cluster and Azure, and of Azure nothing that it does not have", () => {
    expect(capi.refused).toEqual([]);
    const refused = sandbox.azure.requests.all().filter(({ status }) => status >= 400);
    expect(new Set(refused.map(({ method, path, status }) => `${status} ${method} ${path.split("/").at(-2)}`))).toEqual(
        new Set(
            ["virtualMachines", "networkInterfaces", "availabilitySets", "extensions"].map((type) => `404 GET ${type}`),
        ),
    );
});
