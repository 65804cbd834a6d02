// A NewUpdatedNodes by itself against a local Azure: what it does when Azure is busy, refuses, or cannot make a
// machine.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { emptyCustomData } from "../../components/pool/model";
import { configure, create } from "../../components/pool/newUpdatedNodesProvider";
import { ConnectionReset } from "../../sandbox/azure/faults";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure";
import { computeClient, startForTest } from "./support";

const VERSION = "2026.1122.0412";
const SET = /virtualMachineScaleSets\/[^/]+$/;

let azure: AzureSandbox;
let close: () => Promise<void>;
let env: NodeJS.ProcessEnv;
let definition: string;
let count = 0;
let pool: ScaleSet;
let said: string[];

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    env = { ...process.env };
    Object.assign(process.env, azure.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    await configure({ config: { get: () => undefined } } as unknown as Parameters<typeof configure>[0]);
    definition = await makeImage();
});
afterAll(async () => {
    process.env = env;
    await close();
});
beforeEach(async () => {
    pool = await azure.createScaleSet({ name: `pool${count++}`, capacity: 2, tags: { min: "1", max: "4" } });
    await pointAt(`${definition}/versions/${VERSION}`);
    azure.requests.clear();
    said = [];
    vi.spyOn(console, "error").mockImplementation((line: string) => void said.push(line));
});
afterEach(() => {
    azure.faults.clear();
    vi.restoreAllMocks();
});

/** Makes the image version of one node's disk; gives its definition's id. */
async function makeImage(): Promise<string> {
    const client = computeClient(azure);
    const { id, resourceGroup } = await azure.createScaleSet({ name: "source", capacity: 1 });
    const [vm] = azure.vms(id);
    // What a capture's cleaning leaves of it.
    const own = ["etc/machine-id", "etc/hostname", "var/lib/waagent", "var/log/journal", "var/lib/cloud"];
    own.forEach((path) => rmSync(join(vm.diskDirectory, path), { recursive: true, force: true }));
    const location = "westeurope";
    const snapshot = await client.snapshots.createOrUpdate(resourceGroup, "snapshot", {
        ...{ location, incremental: true },
        creationData: { createOption: "Copy", sourceResourceId: vm.osDiskId },
    });
    await client.galleries.createOrUpdate(resourceGroup, "g", { location });
    const { id: made = "" } = await client.galleryImages.createOrUpdate(resourceGroup, "g", "pool", {
        ...{ location, osType: "Linux", osState: "Generalized", hyperVGeneration: "V1", architecture: "x64" },
        identifier: { publisher: "p", offer: "o", sku: "s" },
    });
    await client.galleryImageVersions.createOrUpdate(resourceGroup, "g", "pool", VERSION, {
        ...{ location, storageProfile: { osDiskImage: { source: { id: snapshot.id } } } },
    });
    return made;
}

async function pointAt(id: string): Promise<void> {
    const virtualMachineProfile = {
        osProfile: { customData: emptyCustomData() },
        storageProfile: { imageReference: { id } },
        extensionProfile: { extensions: [] },
    };
    const { virtualMachineScaleSets } = computeClient(azure);
    await virtualMachineScaleSets.update(pool.resourceGroup, pool.name, { virtualMachineProfile }).pollUntilDone();
}

const add = (nodes = 1) =>
    create({ pool: "pool1", version: VERSION, nodes, scaleSetId: pool.id, imageDefinitionId: definition });
const capacity = () => azure.scaleSets().find(({ id }) => id === pool.id)?.capacity;
const patches = () => azure.requests.writes().filter(({ method }) => method === "PATCH").length;

test("adds nodes by one PATCH, and does not add those that are there already", async () => {
    expect(await add()).toMatchObject({ id: `pool1-${VERSION}`, outs: { added: 1, outcome: "capacity 2 → 3" } });
    expect([capacity(), patches()]).toEqual([3, 1]);
    // Somebody's write has dropped the mark: the machine itself is counted.
    const { virtualMachineScaleSets } = computeClient(azure);
    const tags = { min: "1", max: "4" };
    await virtualMachineScaleSets.update(pool.resourceGroup, pool.name, { tags }).pollUntilDone();
    expect(await add()).toMatchObject({ outs: { added: 0, outcome: "1 made from it is there already" } });
    expect(await add(2)).toMatchObject({ outs: { added: 1, outcome: "capacity 3 → 4" } });
    expect(capacity()).toBe(4);
});

test("keeps all else of the scale set as it is: its other tags, its model and its size", async () => {
    const before = structuredClone(pool.model) as { tags: object; sku: object; properties: object };
    await add();
    const now = azure.scaleSets().find(({ id }) => id === pool.id)?.model as typeof before;
    expect(now.tags).toEqual({ ...before.tags, "kamino-new-nodes": `${VERSION}=3` });
    expect(now.sku).toEqual({ ...before.sku, capacity: 3 });
    expect(JSON.stringify(now.properties)).toContain(`${definition}/versions/${VERSION}`);
});

test("waits until another's change of the scale set is done", async () => {
    const usual = azure.durations.scaleSet;
    azure.durations.scaleSet = 1500;
    try {
        const { virtualMachineScaleSets } = computeClient(azure);
        const sku = { name: "Standard_D2s_v3", tier: "Standard", capacity: 3 };
        await virtualMachineScaleSets.update(pool.resourceGroup, pool.name, { sku }).submitted();
        // The other's new node is of the image, too.
        expect(await add(2)).toMatchObject({ outs: { added: 1, outcome: "capacity 3 → 4" } });
    } finally {
        azure.durations.scaleSet = usual;
    }
    expect(said[0]).toBe("pool1: waits until the scale set is at rest: the scale set is being changed (Updating)");
});

test("a refusal is an error of one line, and nothing is added", async () => {
    azure.faults.fail({ path: SET, method: "PATCH", status: 403, code: "AuthorizationFailed", message: "no right" });
    await expect(add()).rejects.toThrow(
        new RegExp(`^the capacity of scale set ${pool.name} cannot be raised: .*403 AuthorizationFailed: .*no right`),
    );
    expect(capacity()).toBe(2);
});

test("a quota that is used up is said at once, and not waited for", async () => {
    const message =
        "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. " +
        "Additional details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: 8, " +
        "Additional Required: 4, (Minimum) New Limit Required: 12.";
    azure.faults.fail({ path: SET, method: "PATCH", status: 409, code: "OperationNotAllowed", message });
    const { outs } = await add();
    expect(outs?.outcome).toContain(
        "409 OperationNotAllowed: Operation could not be completed as it results in exceeding",
    );
    expect(said).toEqual([expect.stringMatching(/^pool1: no node was added for image .* Total Regional Cores quota/)]);
    expect([outs?.added, capacity(), patches()]).toEqual([0, 2, 1]);
});

test("another's write that Azure has not finished is waited for", async () => {
    const message = "The request failed due to conflict with a concurrent request.";
    azure.faults.fail({ path: SET, method: "PATCH", status: 409, code: "Conflict", message, times: 1 });
    expect(await add()).toMatchObject({ outs: { added: 1, outcome: "capacity 2 → 3" } });
    expect(said[0]).toContain(`waits until the scale set is at rest: Azure Resource Manager`);
});

test("machines that Azure cannot make are a warning: the capacity is raised, and is not raised again", async () => {
    azure.faults.failOperation({ path: SET, method: "PATCH", code: "AllocationFailed", message: "no room" });
    const { outs } = await add();
    expect(outs).toMatchObject({ added: 1, outcome: "capacity 2 → 3, but Azure could not make all of them" });
    expect(said.at(-1)).toMatch(/^pool1: Azure could not make all of the new nodes: .*no room/);
    expect(await add()).toMatchObject({ outs: { added: 0 } });
    expect(patches()).toBe(1);
});

test("an answer that is lost is no second addition", async () => {
    let lost = 0;
    azure.faults.watcher = {
        before: () => undefined,
        after: ({ method, path }) => {
            if (method === "PATCH" && SET.test(path) && lost++ === 0) {
                throw new ConnectionReset();
            }
        },
    };
    await add();
    azure.faults.watcher = undefined;
    expect([lost > 0, capacity()]).toEqual([true, 3]);
});
