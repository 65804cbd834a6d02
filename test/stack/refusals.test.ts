// What the whole program refuses, at preview: in one line that names the config key or the scale set, with nothing
// touched.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ScaleSetBody } from "../../sandbox/azure";
import { Stack, type ConfigValue } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn, galleryNameOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";

const MINUTE = 60_000;
const change = (to: (body: ScaleSetBody) => void) => ({ capacity: 0, change: to });

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({
        pools: [
            { name: "good", capacity: 2 },
            { name: "empty", capacity: 0 },
            { name: "windows", ...change(({ properties }) => toWindows(properties.virtualMachineProfile)) },
            { name: "ephemeral", capacity: 0, ephemeral: true },
            { name: "aks", capacity: 0, tags: { "aks-managed-poolName": "aks" } },
            { name: "rolling", ...change(({ properties }) => (properties.upgradePolicy = { mode: "Automatic" })) },
            { name: "surplus", ...change(({ properties }) => (properties.overprovision = true)) },
            {
                name: "disks",
                ...change(({ properties }) => {
                    const dataDisks = [{ lun: 0, createOption: "Empty", diskSizeGB: 256 }];
                    Object.assign(properties.virtualMachineProfile.storageProfile, { dataDisks });
                }),
            },
            { name: "capz", capacity: 0, tags: { "sigs.k8s.io_cluster-api-provider-azure_cluster_c": "owned" } },
            { name: "old", capacity: 0, tags: { aksEngineVersion: "v0.56.3" } },
            {
                name: "osupgrade",
                ...change(({ properties }) => {
                    const automaticOSUpgradePolicy = { enableAutomaticOSUpgrade: true };
                    properties.upgradePolicy = { mode: "Manual", automaticOSUpgradePolicy };
                }),
            },
            {
                name: "patched",
                ...{ capacity: 0, flexible: true },
                change: ({ properties: { virtualMachineProfile } }) => {
                    const { osProfile } = virtualMachineProfile as { osProfile: { linuxConfiguration: object } };
                    const patchSettings = { patchMode: "AutomaticByPlatform", assessmentMode: "AutomaticByPlatform" };
                    Object.assign(osProfile.linuxConfiguration, { patchSettings });
                },
            },
            {
                name: "hibernating",
                ...change(({ properties }) => (properties.additionalCapabilities = { hibernationEnabled: true })),
            },
            {
                name: "edge",
                ...change((body) => (body.extendedLocation = { name: "microsoftlosangeles1", type: "EdgeZone" })),
            },
            {
                name: "attached",
                ...{ capacity: 0, flexible: true },
                change: ({ properties }) => void Reflect.deleteProperty(properties, "virtualMachineProfile"),
            },
            {
                name: "flexible",
                ...{ capacity: 0, flexible: true },
                change: ({ properties }) => (properties.upgradePolicy = { mode: "Rolling" }),
            },
        ],
    });
    await patch(sandbox, "good", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["good"]);
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());
afterEach(() => {
    sandbox.azure.faults.clear();
    expect(writes(sandbox)).toEqual([]);
});

function toWindows(profile: ScaleSetBody["properties"]["virtualMachineProfile"]) {
    /* eslint-disable @typescript-eslint/no-unsafe-member-access -- the profile is of any shape */
    profile.storageProfile.osDisk.osType = "Windows";
    delete profile.osProfile.linuxConfiguration;
    profile.osProfile.windowsConfiguration = { provisionVMAgent: true };
    profile.osProfile.adminPassword = "Made-up-1";
    profile.osProfile.computerNamePrefix = "win";
    /* eslint-enable */
}

/** The lines in which a preview with this configuration says no. */
async function refusals(config: Record<string, ConfigValue | undefined>, env?: NodeJS.ProcessEnv): Promise<string[]> {
    const { resourceGroup, name } = scaleSetOf(sandbox, "good");
    const plain = {
        resourceGroup,
        pools: [{ name: "good", scaleSet: name }],
        gallery: undefined,
        maxHistory: undefined,
    };
    await stack.configure({ ...plain, kubeconfig: undefined, minimumReadyTime: undefined, ...config });
    const before = { ...stack.env };
    Object.assign(stack.env, env);
    try {
        const preview = await stack.preview();
        expect({ exitCode: preview.exitCode, output: preview.output }).not.toMatchObject({ exitCode: 0 });
        expect(preview.output).not.toMatch(/^\s+at .*:\d+:\d+/m);
        return preview
            .messages("error")
            .flatMap((message) => message.split("\n"))
            .map((line) => line.trim())
            .filter((line) => line !== "" && line !== "preview failed");
    } finally {
        Object.assign(stack.env, before);
    }
}

test("scale sets that must not be changed, each in its own line, all in one preview", async () => {
    const names = [
        "windows",
        "ephemeral",
        "aks",
        "rolling",
        "osupgrade",
        "patched",
        "hibernating",
        "edge",
        "attached",
        "flexible",
        "surplus",
        "disks",
        "capz",
        "old",
        "empty",
    ];
    const pools = names.map((name) => ({ name, scaleSet: scaleSetOf(sandbox, name).name }));
    const missing = { name: "missing", scaleSet: "k8s-missing-vmss" };
    const lines = await refusals({ pools: [...pools, missing] });
    const said = [
        /Windows/,
        /ephemeral/,
        /AKS/,
        /upgradePolicy\.mode/,
        /automatic OS upgrades/,
        /set patchMode and assessmentMode to ImageDefault/,
        /hibernationEnabled.*not supported yet/,
        /edge zone.*not supported yet/,
        /no virtualMachineProfile/,
        /upgradePolicy\.mode is not Manual/,
        /overprovision to false/,
        /data disks/,
        /Cluster API/,
        /AKS Engine 0\.57\.0 or later/,
        /no node yet/,
        /there is no/,
    ];
    expect(lines).toHaveLength(said.length);
    said.forEach((pattern, index) => {
        const { scaleSet } = [...pools, missing][index];
        expect(lines[index]).toMatch(pattern);
        expect(lines[index]).toContain(`kamino:pools[${index}].scaleSet: `);
        expect(lines[index]).toContain(`scale set "${scaleSet}"`);
    });
});

describe("the configuration", () => {
    test.each<[string, Record<string, ConfigValue | undefined>, RegExp]>([
        ["a bad duration", { minimumReadyTime: "soon" }, /^kamino:minimumReadyTime must be a duration .*, not "soon"$/],
        [
            "a history too short to go back",
            { maxHistory: 1 },
            /^kamino:maxHistory must be a whole number from 2 to 100, not 1$/,
        ],
        ["no pools", { pools: undefined }, /^kamino:pools is missing: name at least one scale set/],
    ])("%s", async (_what, config, line) => {
        expect(await refusals(config)).toEqual([expect.stringMatching(line)]);
    });

    test("an unknown key of a pool, and one pool twice", async () => {
        const scaleSet = scaleSetOf(sandbox, "good").name;
        expect(await refusals({ pools: [{ scaleSet, maxhistory: 3 }] })).toEqual([
            "kamino:pools[0].maxhistory is not a known key; did you mean maxHistory?",
        ]);
        expect(await refusals({ pools: [{ scaleSet }, { name: "again", scaleSet }] })).toEqual([
            expect.stringMatching(
                /^kamino:pools\[1\] has scale set .*, as kamino:pools\[0\] has; name each pool once$/,
            ),
        ]);
    });

    test("a pinned version and a named node that are not there", async () => {
        const scaleSet = scaleSetOf(sandbox, "good").name;
        expect(await refusals({ pools: [{ name: "good", scaleSet, pin: "2020.0101.0000" }] })).toEqual([
            expect.stringMatching(
                /pool "good", pin: there is no image version 2020\.0101\.0000 in the gallery; there is none yet/,
            ),
        ]);
        expect(await refusals({ pools: [{ name: "good", scaleSet, node: "k8s-good-0" }] })).toEqual([
            expect.stringMatching(/pool "good", node: "k8s-good-0" is not a node of scale set/),
        ]);
    });
});

describe("a gallery", () => {
    test("of somebody else under the configured name, and one by id that is not there", async () => {
        const { resourceGroup, location } = scaleSetOf(sandbox, "good");
        await computeClient(sandbox.azure).galleries.beginCreateOrUpdateAndWait(resourceGroup, "theirs", { location });
        const id = `/subscriptions/${sandbox.azure.subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute/galleries/theirs`;
        sandbox.azure.requests.clear();
        expect(await refusals({ gallery: "theirs" })).toEqual([
            `kamino:gallery: gallery "theirs" is in resource group "${resourceGroup}" already and not made by this stack, and its name is unique in the subscription; to use it give its id (${id}), else choose another name`,
        ]);
        expect(await refusals({ gallery: id.replace("theirs", "nobodys") })).toEqual([
            expect.stringMatching(/^kamino:gallery: there is no gallery \S+nobodys; check the id/),
        ]);
    });

    test("of somebody else in another resource group: a gallery's name is unique in its subscription", async () => {
        const { resourceGroup, location, name } = scaleSetOf(sandbox, "good");
        sandbox.azure.createResourceGroup("elsewhere", location);
        const { galleries } = computeClient(sandbox.azure);
        await galleries.beginCreateOrUpdateAndWait("elsewhere", "Team_Images", { location });
        await galleries.beginCreateOrUpdateAndWait("elsewhere", "kamino", { location });
        sandbox.azure.requests.clear();
        expect(await refusals({ gallery: "team_images" })).toEqual([
            expect.stringMatching(
                /^kamino:gallery: gallery "team_images" is in resource group "elsewhere" already .* give its id \(\S+elsewhere\S+Team_Images\)/,
            ),
        ]);
        // The default name is nobody else's.
        await stack.configure({ resourceGroup, pools: [{ name: "good", scaleSet: name }], gallery: undefined });
        const preview = (await stack.preview()).orFail();
        expect(changesIn(preview).filter((change) => change.includes(" Gallery "))).toEqual([
            `create Gallery ${galleryNameOf(resourceGroup)}`,
        ]);
    });

    test("whose definition does not match the scale set's VMs", async () => {
        const { resourceGroup, location, name } = scaleSetOf(sandbox, "good");
        const { galleries, galleryImages } = computeClient(sandbox.azure);
        const gallery = await galleries.beginCreateOrUpdateAndWait(resourceGroup, "generation2", { location });
        await galleryImages.beginCreateOrUpdateAndWait(resourceGroup, "generation2", name, {
            ...{ location, osType: "Linux", osState: "Generalized", hyperVGeneration: "V2" },
            identifier: { publisher: "someone", offer: "else", sku: "made" },
        });
        sandbox.azure.requests.clear();
        expect(await refusals({ gallery: gallery.id ?? "" })).toEqual([
            expect.stringMatching(
                /^kamino:gallery: image definition \S+ does not match scale set "\S+": its generation is V2, the scale set's VMs need V1; use another gallery$/,
            ),
        ]);
    });
});

describe("services that cannot be used", () => {
    test("Azure without credentials", async () => {
        const without = { ARM_CLIENT_ID: "", ARM_CLIENT_SECRET: "", ARM_TENANT_ID: "" };
        const lines = await refusals({}, without);
        expect(lines.join("\n")).toMatch(/ARM_CLIENT_ID|az login/);
        expect(lines.length).toBeLessThanOrEqual(2);
    });

    test("an Azure that is away", async () => {
        const lines = await refusals({}, { ARM_METADATA_HOSTNAME: "127.0.0.1:9" });
        expect(lines.length).toBeLessThanOrEqual(2);
        expect(lines.join("\n")).toContain("ARM_METADATA_HOSTNAME");
    });

    test("an API server that is away", async () => {
        const kubeconfig = join(sandbox.directory, "away.kubeconfig");
        writeFileSync(
            kubeconfig,
            JSON.stringify({
                ...{ apiVersion: "v1", kind: "Config", "current-context": "away" },
                clusters: [{ name: "away", cluster: { server: "https://127.0.0.1:9" } }],
                users: [{ name: "away", user: { token: "none" } }],
                contexts: [{ name: "away", context: { cluster: "away", user: "away" } }],
            }),
        );
        expect(await refusals({ kubeconfig })).toEqual([
            expect.stringMatching(/API server at https:\/\/127\.0\.0\.1:9 cannot be reached: .*kamino:kubeconfig/),
        ]);
    });
});

test("without kured a preview says so, and that 1.7.0 with --annotate-nodes is needed", async () => {
    await sandbox.nodes.uninstallKured();
    const { items } = await sandbox.nodes.api.core.listNode();
    for (const { metadata } of items) {
        await sandbox.nodes.api.core.patchNode({
            name: metadata?.name ?? "",
            body: [{ op: "add", path: "/metadata/annotations", value: {} }],
        });
    }
    const { resourceGroup, name } = scaleSetOf(sandbox, "good");
    await stack.configure({
        resourceGroup,
        pools: [{ name: "good", scaleSet: name }],
        kubeconfig: undefined,
        gallery: undefined,
    });
    const preview = (await stack.preview()).orFail();
    expect(preview.messages("warning").join("\n")).toMatch(
        /no node carries the annotation .*kured.*1\.7\.0.*--annotate-nodes/,
    );
});
