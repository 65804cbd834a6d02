// The azure-native stand-in against the local Azure: what the engine asks, what Azure gets, what the state becomes.
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure";
import { UNKNOWN, type Properties } from "../../sandbox/plugins/protocol/values";
import { API_VERSION, inAzureNativesForm } from "../../components/azure/scaleSetForm";
import { sender, startForTest } from "../azure/support";
import { PluginProcess, type State, unfinished, urn } from "./pluginProcess";

const GALLERY = urn("azure-native:compute:Gallery");
const IMAGE = urn("azure-native:compute:GalleryImage");
const VERSION = urn("azure-native:compute:GalleryImageVersion");
const SNAPSHOT = urn("azure-native:compute:Snapshot");
const SCALE_SET = urn("azure-native:compute:VirtualMachineScaleSet");
const group = { resourceGroupName: "plugins" };

let azure: AzureSandbox;
let close: () => Promise<void>;
let plugin: PluginProcess;
let pool: ScaleSet;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    azure.createResourceGroup("plugins", "westeurope");
    const identity = `/subscriptions/${azure.subscriptionId}/resourceGroups/plugins/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes`;
    pool = await azure.createScaleSet({ name: "pool1", resourceGroup: "plugins", capacity: 1, identity: [identity] });
    plugin = await PluginProcess.start("azure-native", azure.env);
});

afterAll(async () => {
    plugin?.stop();
    await close?.();
});

beforeEach(() => {
    azure.faults.clear();
    azure.requests.clear();
});

function gallery(name: string, more: Properties = {}): Properties {
    return { ...group, galleryName: name, location: "westeurope", tags: { a: "1" }, ...more };
}

async function created(type: string, inputs: Properties): Promise<State & { inputs: Properties }> {
    return { ...(await plugin.create(type, inputs)), inputs };
}

function image(galleryName: string, name = "pool1"): Properties {
    return {
        ...{ ...group, galleryName, galleryImageName: name, location: "westeurope" },
        ...{ osType: "Linux", osState: "Generalized", hyperVGeneration: "V1", architecture: "x64" },
        identifier: { publisher: "kamino", offer: "node-image", sku: name },
    };
}

function snapshot(name: string): Properties {
    const creationData = { createOption: "Copy", sourceResourceId: azure.vms(pool.id)[0].osDiskId };
    return { ...group, snapshotName: name, location: "westeurope", incremental: true, creationData };
}

function imageVersion(galleryName: string, source: string): Properties {
    return {
        ...{ ...group, galleryName, galleryImageName: "pool1", galleryImageVersionName: "2026.1122.412" },
        location: "westeurope",
        publishingProfile: { replicaCount: 1, targetRegions: [{ name: "westeurope" }] },
        storageProfile: { osDiskImage: { source: { id: source } } },
    };
}

test("a preview shows the inputs, has the rest unknown at every depth, and asks Azure nothing", async () => {
    const { outputs } = await plugin.create(VERSION, imageVersion("g", UNKNOWN), { preview: true });
    expect(outputs.provisioningState).toBe(UNKNOWN);
    expect(outputs).not.toHaveProperty("azureApiVersion");
    expect(outputs.location).toBe("westeurope");
    expect(outputs.publishingProfile).toMatchObject({ replicaCount: 1, storageAccountType: UNKNOWN });
    expect(outputs.storageProfile).toMatchObject({ osDiskImage: { source: { id: UNKNOWN }, sizeInGB: UNKNOWN } });
    expect(azure.requests.all()).toEqual([]);
});

test("gallery, definition, snapshot and version are made one after the other, updated and deleted", async () => {
    const made = await created(GALLERY, gallery("life"));
    expect(made.id).toMatch(/\/galleries\/life$/);
    expect(made.outputs).toMatchObject({ name: "life", provisioningState: "Succeeded", azureApiVersion: "2024-03-03" });
    const definition = await created(IMAGE, image("life"));
    const copy = await created(SNAPSHOT, snapshot("life"));
    expect(copy.outputs).toMatchObject({ diskState: "Unattached", incremental: true });
    const version = await created(VERSION, imageVersion("life", copy.id));
    expect(version.outputs).toMatchObject({
        provisioningState: "Succeeded",
        storageProfile: { osDiskImage: { source: { id: copy.id } } },
    });

    const changed = gallery("life", { description: "images", tags: { a: "2" } });
    const updated = await plugin.update(GALLERY, made, changed);
    expect(updated.outputs).toMatchObject({ description: "images", tags: { a: "2" } });

    await plugin.delete(VERSION, version);
    await plugin.delete(SNAPSHOT, copy);
    await plugin.delete(IMAGE, definition);
    await plugin.delete(GALLERY, made);
    await plugin.delete(GALLERY, made);
    expect(await plugin.read(GALLERY, made.id, made.outputs)).toMatchObject({ id: "" });
});

test("what is there already is not created again", async () => {
    await plugin.create(GALLERY, gallery("twice"));
    await expect(plugin.create(GALLERY, gallery("twice"))).rejects.toThrow(
        /cannot create already existing resource '.*twice'/,
    );
});

test("a diff names each changed property by its path, and only the path's and the location's changes replace", async () => {
    const inputs = gallery("diffed", { tags: { "a.b": "1", keep: "1" } });
    const before = { id: "g", inputs, outputs: inputs };
    const spelt = { location: "West Europe", resourceGroupName: "PLUGINS" };
    const nothing = await plugin.diff(GALLERY, before, { ...inputs, ...spelt });
    expect(nothing).toMatchObject({ changes: false, detailed: {} });

    const some = await plugin.diff(GALLERY, before, { ...inputs, tags: { "a.b": "2", new: "1" }, description: "d" });
    expect(some.detailed).toEqual({
        'tags["a.b"]': "UPDATE",
        "tags.keep": "DELETE",
        "tags.new": "ADD",
        description: "ADD",
    });
    expect(some.replaces).toEqual([]);

    const other = await plugin.diff(GALLERY, before, { ...inputs, galleryName: "other", location: "northeurope" });
    expect(other.detailed).toEqual({ galleryName: "UPDATE_REPLACE", location: "UPDATE_REPLACE" });
    expect(other).toMatchObject({ deleteBeforeReplace: true, replaces: ["galleryName", "location"] });
});

test("ids are the same whatever the case of their group and provider, and differ by the case of a name", async () => {
    const inputs = imageVersion("g", "/subscriptions/s/resourceGroups/G/providers/Microsoft.Compute/snapshots/a");
    const before = { id: "v", inputs, outputs: inputs };
    const other = imageVersion("g", "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/snapshots/a");
    expect(await plugin.diff(VERSION, before, other)).toMatchObject({ changes: false });
    const renamed = imageVersion("g", "/subscriptions/s/resourceGroups/G/providers/Microsoft.Compute/snapshots/A");
    expect(await plugin.diff(VERSION, before, renamed)).toMatchObject({
        detailed: { "storageProfile.osDiskImage.source.id": "UPDATE" },
    });
});

test("the API version is an input that the check adds, and no change to a resource whose inputs lack it", async () => {
    const { inputs } = await plugin.check(GALLERY, gallery("versioned"));
    expect(inputs.azureApiVersion).toBe("2024-03-03");
    const imported = { id: "g", inputs: gallery("versioned"), outputs: { azureApiVersion: "2024-03-03" } };
    expect((await plugin.diff(GALLERY, imported, inputs)).changes).toBe(false);
    const older = { ...imported, outputs: { azureApiVersion: "2023-07-03" } };
    expect((await plugin.diff(GALLERY, older, inputs)).detailed).toEqual({ azureApiVersion: "UPDATE" });
});

test("an import takes every property that a program could say, flattened, and a diff with them shows nothing", async () => {
    const read = await plugin.read(SCALE_SET, pool.id);
    expect(read.inputs).toMatchObject({
        ...{ resourceGroupName: "plugins", vmScaleSetName: pool.name, upgradePolicy: { mode: "Manual" } },
        identity: { userAssignedIdentities: [expect.stringContaining("userAssignedIdentities/nodes")] },
        virtualMachineProfile: {
            extensionProfile: {
                extensions: [{ name: "vmssCSE", type: "CustomScript" }, { publisher: "Microsoft.AKS" }],
            },
            networkProfile: {
                networkInterfaceConfigurations: [{ primary: true, ipConfigurations: [{ primary: true }] }],
            },
        },
    });
    expect(Object.keys(read.inputs)).not.toEqual(expect.arrayContaining(["provisioningState"]));
    const before = { id: pool.id, inputs: read.inputs, outputs: read.outputs };
    const { inputs } = await plugin.check(SCALE_SET, read.inputs);
    expect((await plugin.diff(SCALE_SET, before, inputs)).changes).toBe(false);
});

test("the answer of a scale set's function has no type of its extensions, as with the official plugin", async () => {
    const args = { ...group, vmScaleSetName: pool.name };
    const live = await plugin.invoke("azure-native:compute:getVirtualMachineScaleSet", args);
    const profile = live.virtualMachineProfile as { extensionProfile: { extensions: Properties[] } };
    expect(profile.extensionProfile.extensions.map(({ name, type }) => ({ name, type }))).toEqual([
        { name: "vmssCSE", type: undefined },
        { name: `${pool.name}-computeAksLinuxBilling`, type: undefined },
    ]);
    expect(live).toMatchObject({ id: pool.id, identity: { userAssignedIdentities: expect.any(Object) as unknown } });
});

test("the program's own reading of a scale set is that answer, with the types of extensions", async () => {
    const args = { ...group, vmScaleSetName: pool.name };
    const official = await plugin.invoke("azure-native:compute:getVirtualMachineScaleSet", args);
    const send = await sender(azure);
    const { body } = await send("GET", `${pool.id}?api-version=${API_VERSION}`);
    const own = inAzureNativesForm(body) as unknown as Properties;
    const profile = own.virtualMachineProfile as { extensionProfile: { extensions: Properties[] } };
    const types = profile.extensionProfile.extensions.map(({ type }) => type);
    expect(types).toEqual(["CustomScript", "Compute.AKS-Engine.Linux.Billing"]);
    profile.extensionProfile.extensions.forEach((extension) => delete extension.type);
    expect(own).toEqual(official);
});

test("what an import found can be written back: Azure gets `properties` at every depth, and identities as a map", async () => {
    const { inputs, outputs } = await plugin.read(SCALE_SET, pool.id);
    delete inputs.sku;
    await plugin.update(SCALE_SET, { id: pool.id, outputs }, { ...inputs, tags: { changed: "yes" } });
    const [{ body, apiVersion }] = azure.requests.writes();
    expect(apiVersion).toBe("2024-11-01");
    expect(body).not.toHaveProperty("sku");
    expect(body).toMatchObject({
        identity: {
            userAssignedIdentities: {
                [(inputs.identity as { userAssignedIdentities: string[] }).userAssignedIdentities[0]]: {},
            },
        },
        properties: {
            virtualMachineProfile: {
                extensionProfile: { extensions: [{ name: "vmssCSE", properties: { type: "CustomScript" } }, {}] },
                networkProfile: {
                    networkInterfaceConfigurations: [
                        {
                            name: pool.name,
                            properties: { ipConfigurations: [{ name: "ipconfig1", properties: { primary: true } }] },
                        },
                    ],
                },
            },
        },
    });
    expect(azure.scaleSet(pool.id)?.capacity).toBe(1);
});

test("a user-assigned identity that the program leaves out goes by PATCH, as null", async () => {
    const { inputs, outputs } = await plugin.read(SCALE_SET, pool.id);
    const { userAssignedIdentities } = inputs.identity as { userAssignedIdentities: string[] };
    const former = `${userAssignedIdentities[0]}-former`;
    const before = { ...inputs, identity: { ...(inputs.identity as Properties), userAssignedIdentities: [former] } };
    const update = plugin.update(SCALE_SET, { id: pool.id, inputs: before, outputs }, inputs);
    await update.catch(() => undefined);
    const [{ method, body }] = azure.requests.writes();
    expect(method).toBe("PATCH");
    expect(body).toMatchObject({
        identity: { userAssignedIdentities: { [former]: null, [userAssignedIdentities[0]]: {} } },
    });
});

test("an update goes to the provider's own subscription, whatever the state's id says", async () => {
    const made = await created(GALLERY, gallery("ours"));
    const elsewhere = made.id.replace(azure.subscriptionId, "00000000-0000-0000-0000-000000000000");
    await plugin.update(GALLERY, { ...made, id: elsewhere }, gallery("ours", { description: "d" }));
    expect(azure.requests.writes().at(-1)?.path).toBe(made.id);
});

test("a refresh changes the inputs only by what was changed in Azure", async () => {
    const made = await created(GALLERY, gallery("refreshed"));
    const unchanged = await plugin.read(GALLERY, made.id, made.outputs, made.inputs);
    expect(unchanged.inputs).toEqual(made.inputs);

    await plugin.update(GALLERY, made, gallery("refreshed", { tags: { a: "1", b: "by hand" } }));
    const refreshed = await plugin.read(GALLERY, made.id, made.outputs, made.inputs);
    expect(refreshed.inputs).toEqual({ ...made.inputs, tags: { a: "1", b: "by hand" } });
});

test("the state has outputs alone: inputs and secrets are the engine's to keep", async () => {
    const { outputs } = await plugin.create(GALLERY, gallery("hidden", { description: "hush" }));
    expect(outputs).not.toHaveProperty("__inputs");
    expect(outputs.description).toBe("hush");
    expect(plugin.acceptsSecrets).toBe(false);
});

test("a resource whose operation failed is kept in the state as what it is, with Azure's words", async () => {
    azure.faults.failOperation({
        method: "PUT",
        path: /images\/pool1$/,
        code: "InternalOperationError",
        message: "Broken.",
    });
    await plugin.create(GALLERY, gallery("failing"));
    const error: unknown = await plugin.create(IMAGE, image("failing")).catch((caught: unknown) => caught);
    const kept = unfinished(error);
    expect(kept?.id).toMatch(/galleries\/failing\/images\/pool1$/);
    expect(kept?.outputs).toMatchObject({ provisioningState: "Failed" });
    expect(kept?.reasons).toEqual([expect.stringMatching(/InternalOperationError.*Broken\./)]);
    expect(kept?.message).not.toMatch(/\n\s+at /);
});

test("a refused request is one line with status, code and Azure's words, and leaves no state", async () => {
    const error = (await plugin
        .create(GALLERY, { ...gallery("g"), resourceGroupName: "nowhere" })
        .catch((e: unknown) => e)) as Error;
    expect(error.message).toMatch(
        /Status=404 Code="ResourceGroupNotFound" Message="Resource group 'nowhere' could not be found\."/,
    );
    expect(unfinished(error)).toBeUndefined();
});

test("functions and the look before a creation say what was asked for, and what Azure said", async () => {
    const args = { resourceGroupName: "plugins", galleryName: "absent" };
    const reading = plugin.invoke("azure-native:compute:getGallery", args);
    await expect(reading).rejects.toThrow(
        /request failed \/subscriptions\/.*\/galleries\/absent: Status=404 Code="ResourceNotFound" Message="/,
    );
    azure.faults.fail({
        method: "GET",
        path: /galleries\/unseen$/,
        status: 403,
        code: "AuthorizationFailed",
        message: "No.",
    });
    await expect(plugin.create(GALLERY, gallery("unseen"))).rejects.toThrow(
        /cannot check existence of resource '.*unseen': status code 403, \{"error":\{"code":"AuthorizationFailed"/,
    );
});

test("throttling is waited for, as long as Azure says", async () => {
    azure.faults.throttle({ method: "PUT", path: /galleries\/throttled$/, times: 1, retryAfter: 1 });
    const { outputs } = await plugin.create(GALLERY, gallery("throttled"));
    expect(outputs.provisioningState).toBe("Succeeded");
});

test("an operation that takes longer than customTimeouts allow ends, and the state has its id alone", async () => {
    const usual = azure.durations.gallery;
    azure.durations.gallery = 30_000;
    const error: unknown = await plugin
        .create(GALLERY, gallery("slow"), { timeout: 1 })
        .catch((caught: unknown) => caught);
    azure.durations.gallery = usual;
    expect(unfinished(error)?.id).toMatch(/galleries\/slow$/);
    expect(unfinished(error)?.outputs).toEqual({});
    expect(unfinished(error)?.message).toMatch(/resource created but read failed context deadline exceeded: /);
});

test("cancelling ends what is under way", async () => {
    const own = await PluginProcess.start("azure-native", azure.env);
    const usual = azure.durations.gallery;
    azure.durations.gallery = 30_000;
    const creating = own.create(GALLERY, gallery("cancelled")).catch((caught: unknown) => caught);
    await expect.poll(() => azure.requests.writes().length).toBe(1);
    await own.cancel();
    const kept = unfinished(await creating);
    expect(kept?.message).toMatch(/resource created but read failed context canceled: /);
    expect(kept?.outputs).toEqual({});
    azure.durations.gallery = usual;
    own.stop();
});

test("the engine's SIGINT ends a plugin at once, and what is under way with an answer", async () => {
    const idle = await PluginProcess.start("azure-native", azure.env);
    await idle.invoke("azure-native:authorization:getClientConfig", {});
    const began = Date.now();
    expect(await idle.leave()).toBe(0);
    // The engine kills a plugin that stays for five seconds.
    expect(Date.now() - began).toBeLessThan(4000);

    const busy = await PluginProcess.start("azure-native", azure.env);
    const usual = azure.durations.gallery;
    azure.durations.gallery = 30_000;
    const creating = busy.create(GALLERY, gallery("left")).catch((caught: unknown) => caught);
    await expect.poll(() => azure.requests.writes().length).toBe(1);
    expect(await busy.leave()).toBe(0);
    azure.durations.gallery = usual;
    expect(unfinished(await creating)).toMatchObject({ id: expect.stringMatching(/galleries\/left$/) as string });
});

test("a plugin with nothing to do leaves although a connection stays open", { timeout: 60_000 }, async () => {
    const waiting = await PluginProcess.start("azure-native", azure.env);
    // gRPC itself would wait for this one, which says nothing.
    const [host, port] = waiting.address.split(":");
    const connection = connect(Number(port), host);
    await once(connection, "connect");
    expect(await waiting.leave()).toBe(0);
    connection.destroy();
});

test("inputs that lack something or have the wrong type are refused by name, before anything is done", async () => {
    const wrong = {
        ...imageVersion("g", "s"),
        storageProfile: null,
        publishingProfile: { targetRegions: [{ regionalReplicaCount: "many" }] },
    };
    const { failures } = await plugin.check(VERSION, wrong);
    expect(failures.sort()).toEqual([
        "'publishingProfile.targetRegions[0].regionalReplicaCount' should be of type 'number' but got string",
        "missing required property 'publishingProfile.targetRegions[0].name'",
        "missing required property 'storageProfile'",
    ]);
    const { inputs } = await plugin.check(GALLERY, { ...group, location: "westeurope" });
    expect(inputs.galleryName).toMatch(/^it[0-9a-f]{8}$/);
    expect((await plugin.check(GALLERY, { ...group, location: "westeurope" }, inputs)).inputs).toEqual(inputs);
});

test("the configuration of the stack comes before the environment, and tells who the provider is", async () => {
    const { ARM_CLIENT_ID, ARM_CLIENT_SECRET, ARM_SUBSCRIPTION_ID, ...env } = azure.env;
    const config = {
        ...{ clientId: ARM_CLIENT_ID ?? "", clientSecret: ARM_CLIENT_SECRET ?? "" },
        subscriptionId: ARM_SUBSCRIPTION_ID ?? "",
    };
    const configured = await PluginProcess.start("azure-native", { ...env, ARM_CLIENT_SECRET: "wrong" }, config);
    const who = await configured.invoke("azure-native:authorization:getClientConfig", {});
    configured.stop();
    expect(who).toMatchObject({
        clientId: ARM_CLIENT_ID,
        subscriptionId: azure.subscriptionId,
        tenantId: azure.tenantId,
    });
});

test("a cloud that cannot be reached is said in one line with the variable to set", async () => {
    const nowhere = await PluginProcess.start("azure-native", { ...azure.env, ARM_METADATA_HOSTNAME: "localhost:1" });
    const reading = nowhere.invoke("azure-native:authorization:getClientConfig", {});
    await expect(reading).rejects.toThrow(
        /the metadata host localhost:1 \(ARM_METADATA_HOSTNAME\) cannot be reached: /,
    );
    nowhere.stop();
});
