// Azure Policy asked of what a run is about to make, against the local Azure.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { imageDefinitionId } from "../../components/azure/ids";
import { readScaleSet } from "../../components/azure/scaleSets";
import { readSettings } from "../../components/config/load";
import { checkPolicies, plannedResources } from "../../components/pool/policyCheck";
import type { PoolModel } from "../../components/pool/model";
import type { Pool } from "../../components/pool/pool";
import type { Choice } from "../../components/selection/nodeSelection";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure/index";
import { sender, startForTest } from "./support";

const GROUP = "Größe_(1)";
const choice: Choice = {
    ...{ version: "2026.1122.0412", node: "pool1-000001", instanceId: "1", attempt: 1 },
    rebootNeededAt: "2026-11-22T04:12:00Z",
};

let azure: AzureSandbox;
let close: () => Promise<void>;
let scaleSet: ScaleSet;
let live: PoolModel;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    scaleSet = await azure.createScaleSet({ name: "pool1", resourceGroup: GROUP, capacity: 1 });
    env = { ...process.env };
    Object.assign(process.env, azure.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    live = (await readScaleSet(scaleSet.id))!;
});
afterEach(() => {
    azure.policies.clear();
    azure.faults.clear();
});
afterAll(async () => {
    process.env = env;
    await close();
});

function pool(settings: object = {}): Pool {
    const { subscriptionId } = azure;
    const { pools } = readSettings({
        resourceGroup: GROUP,
        pools: JSON.stringify([{ scaleSet: "pool1", ...settings }]),
    });
    return {
        settings: pools[0],
        configKey: "kamino:pools[0].scaleSet",
        scaleSet: { subscriptionId, resourceGroup: GROUP, name: scaleSet.name },
        live,
        liveImage: {},
        location: "westeurope",
        gallery: {
            ...{ subscriptionId, resourceGroup: GROUP, name: "kamino", location: "westeurope" },
            ...{ managed: true, resourceName: "kamino" },
        },
        definition: { name: "pool1", managed: true, traits: { hyperVGeneration: "V2", architecture: "x64" } },
        storage: { targetRegions: ["westeurope"], storageAccountType: "Standard_ZRS", isZoned: false },
        diskAccess: { networkAccessPolicy: "AllowPrivate", publicNetworkAccess: "Disabled" },
        tags: pools[0].tags,
        stack: "organization/kamino/test",
    };
}

const require = (tag: string, ...types: string[]) =>
    azure.policies.requireTag({
        tag,
        scope: `/subscriptions/${azure.subscriptionId}/resourceGroups/${GROUP}`,
        ...(types.length > 0 && { types }),
    });

test("nothing is said where no policy denies", async () => {
    expect(await checkPolicies(pool(), choice)).toBeUndefined();
});

test.each([
    ["in-place", "Microsoft.Compute/snapshots"],
    ["in-place", "Microsoft.Compute/galleries/images/versions"],
    ["copy", "Microsoft.Compute/snapshots"],
    ["copy", "Microsoft.Compute/disks"],
])("a tag that is demanded (%s) of %s is named with the assignment, and that it can be set", async (capture, type) => {
    require("costCenter", type);
    const refused = checkPolicies(pool({ capture }), choice);
    await expect(refused).rejects.toThrow(
        new RegExp(
            `^kamino:pools\\[0\\].scaleSet: Azure Policy denies the ${type} that image 2026.1122.0412 is made with, by assignment ` +
                `/subscriptions/.*/policyAssignments/\\w+ \\(tags\\[costCenter\\] Exists false\\); set what it demands \\(tags: kamino:tags\\)`,
        ),
    );
    expect(await checkPolicies(pool({ capture, tags: { costCenter: "7" } }), choice)).toBeUndefined();
});

test("each resource that is denied has a line", async () => {
    require("costCenter");
    const scope = `/subscriptions/${azure.subscriptionId}`;
    azure.policies.approveImages({ images: [`${scope}/approved`], publishers: ["microsoft-aks"], scope });
    const error = await checkPolicies(pool(), choice).catch((reason: Error) => reason);
    // The snapshot, the image version, and the scale set with its new image.
    expect((error as Error).message.split("\n")).toHaveLength(3);
});

describe("a policy of approved images", () => {
    const scope = () => `/subscriptions/${azure.subscriptionId}`;
    /** What the scale set starts from now is approved as well. */
    const approve = (...images: string[]) =>
        azure.policies.approveImages({ images, publishers: ["microsoft-aks"], scope: scope() });
    const images = () => imageDefinitionId(pool());

    test("is asked about the scale set with its new image, before anything is made", async () => {
        approve("/subscriptions/x/approved");
        const error = await checkPolicies(pool(), choice).catch((reason: Error) => reason);
        expect((error as Error).message.replace(/policyAssignments\/\w+/, "policyAssignments/A")).toBe(
            `kamino:pools[0].scaleSet: Azure Policy denies to write scale set "${scaleSet.name}" with image 2026.1122.0412, by assignment ` +
                `/subscriptions/${azure.subscriptionId}/providers/Microsoft.Authorization/policyAssignments/A ` +
                '(Microsoft.Compute/imageId Contains ["/subscriptions/x/approved"]); ' +
                `have it allow the images of ${images()}, give the scale set what else it demands, or have that exempted`,
        );
    });

    test("is not quoted at length, however many images it approves", async () => {
        approve(...Array.from({ length: 200 }, (_, index) => `/subscriptions/x/approved/${index}`));
        const error = await checkPolicies(pool(), choice).catch((reason: Error) => reason);
        expect((error as Error).message.length).toBeLessThan(1000);
    });

    test("says nothing where the pool's images are approved", async () => {
        approve(images());
        expect(await checkPolicies(pool(), choice)).toBeUndefined();
    });

    test("that denies the scale set as it is, too, is a warning: whether that is exempted Azure does not tell", async () => {
        azure.policies.approveImages({ images: ["/subscriptions/x/approved"], scope: scope() });
        for (const change of [{}, { machinePool: { capi: {} as never, kubernetes: {} } }]) {
            expect(await checkPolicies({ ...pool(), ...change }, choice)).toMatch(
                /^assignment \S+policyAssignments\/\w+ denies scale set "\S+" also as it is now \(Microsoft.Compute\/imageId Contains .*\)/,
            );
        }
        // Another assignment, which denies nothing but the new image.
        approve("/subscriptions/x/approved");
        await expect(checkPolicies(pool(), choice)).rejects.toThrow(/denies to write scale set "\S+" with image/);
    });

    test("is asked about what is there only where it denies what comes", async () => {
        const asked = () => azure.requests.all().filter(({ path }) => path.includes("checkPolicyRestrictions")).length;
        azure.requests.clear();
        approve(images());
        await checkPolicies(pool({ capture: "copy" }), choice);
        expect(asked()).toBe(4);
    });

    test("is asked of a MachinePool as well, and not of single VMs", async () => {
        approve("/subscriptions/x/approved");
        const machinePool = { capi: {} as never, kubernetes: {} };
        await expect(checkPolicies({ ...pool(), machinePool }, choice)).rejects.toThrow("denies to write scale set");
        expect(await checkPolicies({ ...pool(), machines: {} as never }, choice)).toBeUndefined();
    });
});

test("what is asked of the scale set is the request that writes it", async () => {
    const request = plannedResources(pool(), choice).at(-1)!;
    const { content } = request;
    expect(content).toMatchObject({
        ...{ type: "Microsoft.Compute/virtualMachineScaleSets", name: scaleSet.name, location: "westeurope" },
        tags: { poolName: "pool1" },
        properties: {
            virtualMachineProfile: {
                storageProfile: { imageReference: { id: `${imageDefinitionId(pool())}/versions/2026.1122.0412` } },
                networkProfile: {
                    networkInterfaceConfigurations: [{ properties: { ipConfigurations: [{ properties: {} }] } }],
                },
            },
        },
    });
    // Capacity is never declared, and neither the custom data nor what bootstraps stays.
    expect([content.sku, JSON.stringify(content).includes("vmssCSE")]).toEqual([undefined, false]);
    const { properties, tags, location } = content;
    const answer = await (
        await sender(azure)
    )("PUT", `${scaleSet.id}?api-version=${request.apiVersion}`, {
        ...{ tags, location, properties: withLiveImage(properties) },
    });
    expect(answer.status, answer.text).toBe(200);
});

/** The image is not there yet. */
function withLiveImage(properties: object): object {
    const { virtualMachineProfile } = properties as { virtualMachineProfile: { storageProfile: object } };
    const { imageReference } = live.virtualMachineProfile?.storageProfile ?? {};
    const storageProfile = { ...virtualMachineProfile.storageProfile, imageReference };
    return { ...properties, virtualMachineProfile: { ...virtualMachineProfile, storageProfile } };
}

test("a copied disk is not asked about where disks are captured in place", async () => {
    require("costCenter", "Microsoft.Compute/disks");
    expect(await checkPolicies(pool({ capture: "in-place" }), choice)).toBeUndefined();
});

test("a tag that this program sets itself is there, and what is made is as closed as it will be", () => {
    const [snapshot, image] = plannedResources(pool({ capture: "in-place" }), choice);
    expect(snapshot.content).toMatchObject({
        tags: { "managed-by": "kamino", node: "pool1-000001", rebootNeededAt: "2026-11-22T04:12:00Z" },
        properties: { networkAccessPolicy: "DenyAll", publicNetworkAccess: "Disabled" },
    });
    expect(image.content.tags).toEqual({ node: "pool1-000001", rebootNeededAt: "2026-11-22T04:12:00Z" });
});

test.each([
    ["AuthorizationFailed", 403, "no right to Microsoft.PolicyInsights/checkPolicyRestrictions/read"],
    [
        "MissingSubscriptionRegistration",
        409,
        "The subscription is not registered to use namespace Microsoft.PolicyInsights",
    ],
])("%s is not a denial: what cannot be known is said", async (code, status, message) => {
    azure.faults.fail({ path: /checkPolicyRestrictions/, method: "POST", status, code, message });
    expect(await checkPolicies(pool(), choice)).toContain(message);
});
