// Azure Policy asked of what a run is about to make, against the local Azure.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { readSettings } from "../../components/config/load";
import { checkPolicies, plannedResources } from "../../components/pool/policyCheck";
import type { Pool } from "../../components/pool/pool";
import type { Choice } from "../../components/selection/nodeSelection";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure/index";
import { startForTest } from "./support";

const GROUP = "Größe_(1)";
const choice: Choice = {
    ...{ version: "2026.1122.0412", node: "pool1-000001", instanceId: "1", attempt: 1 },
    rebootNeededAt: "2026-11-22T04:12:00Z",
};

let azure: AzureSandbox;
let close: () => Promise<void>;
let scaleSet: ScaleSet;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    scaleSet = await azure.createScaleSet({ name: "pool1", resourceGroup: GROUP, capacity: 1 });
    env = { ...process.env };
    Object.assign(process.env, azure.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
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
        scaleSet: { subscriptionId, resourceGroup: GROUP, name: "pool1" },
        live: { id: scaleSet.id, name: "pool1", location: "westeurope" },
        liveImage: {},
        location: "westeurope",
        gallery: { subscriptionId, resourceGroup: GROUP, name: "kamino", location: "westeurope", managed: true },
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
    const error = await checkPolicies(pool(), choice).catch((reason: Error) => reason);
    expect((error as Error).message.split("\n")).toHaveLength(2);
});

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
