// Nobody else's change of a model is invisible or undone in silence: the whole program on the real engine, against a
// local Azure.
import type { VirtualMachineScaleSetExtension } from "@azure/arm-compute";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "../../sandbox/engine/outcome";
import type { ConfigValue, Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn, galleryNameOf, imageOf, modelOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";

const MINUTE = 60_000;
const [MONDAY, TUESDAY] = ["2026.1116.0412", "2026.1117.0412"];
const MARKETPLACE = {
    publisher: "microsoft-aks",
    offer: "aks",
    sku: "aks-engine-ubuntu-1804-202112",
    version: "2021.12.07",
};
const SCRIPT = {
    name: "vmssCSE",
    publisher: "Microsoft.Azure.Extensions",
    typePropertiesType: "CustomScript",
    typeHandlerVersion: "2.0",
    autoUpgradeMinorVersion: true,
    protectedSettings: { commandToExecute: "/bin/true" },
};
const AGENT = {
    name: "AzureMonitorLinuxAgent",
    publisher: "Microsoft.Azure.Monitor",
    typePropertiesType: "AzureMonitorLinuxAgent",
    typeHandlerVersion: "1.0",
    settings: { sinks: [], workspace: "w" },
};

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"]);
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    (await stack.up("--skip-preview")).orFail();
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/** What somebody else does to the model with az, aks-engine or Terraform: reads it, changes it, writes it whole. */
async function somebodyElse(change: (model: Whole) => void): Promise<void> {
    const { virtualMachineScaleSets } = computeClient(sandbox.azure);
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const model = await virtualMachineScaleSets.get(resourceGroup, name);
    change(model as Whole);
    await virtualMachineScaleSets.createOrUpdate(resourceGroup, name, model);
    sandbox.azure.requests.clear();
}

/** A model with the parts that are changed here. */
interface Whole {
    tags?: Record<string, string>;
    upgradePolicy: { mode: string; rollingUpgradePolicy?: object };
    virtualMachineProfile: {
        osProfile: { customData?: string };
        storageProfile: { imageReference: object };
        extensionProfile: { extensions: VirtualMachineScaleSetExtension[] };
    };
}

const versionId = (version: string) =>
    scaleSetOf(sandbox, "pool1").id.replace(
        "virtualMachineScaleSets",
        `galleries/${galleryNameOf(scaleSetOf(sandbox, "pool1").resourceGroup)}/images`,
    ) + `/versions/${version}`;
const extensionNames = () =>
    modelOf(sandbox, "pool1").extensionProfile.extensions.map(({ name }) => name.replace(/^k8s-.*-/, ""));
const configure = (config: Record<string, ConfigValue | undefined>) =>
    stack.configure({ onForeignChange: undefined, ...config });

/** The errors and warnings of an outcome that speak of somebody else's changes. */
const said = (outcome: Outcome) =>
    [...outcome.messages("error"), ...outcome.messages("warning")].filter((line) =>
        line.includes("since the last run"),
    );

/** The run is stopped in preview and in up, and nothing is written. */
async function expectStopped(...patterns: RegExp[]): Promise<void> {
    const preview = await stack.preview("--diff");
    expect(preview.exitCode).not.toBe(0);
    for (const pattern of patterns) {
        expect(said(preview).join("\n")).toMatch(pattern);
    }
    expect(said(preview)).toHaveLength(1);
    expect(said(preview)[0]).toMatch(
        /^kamino:pools\[0\]\.scaleSet: pool1: .*the run stops here: set kamino:onForeignChange to adopt/,
    );
    expect(preview.output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    for (const up of [await stack.up(), await stack.up("--skip-preview")]) {
        expect(up.exitCode).not.toBe(0);
        expect(said(up).join("\n")).toMatch(patterns[0]);
    }
    expect(writes(sandbox)).toEqual([]);
}

test("a pool that nobody else changed previews as unchanged", async () => {
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toEqual([]);
    expect(said(preview)).toEqual([]);
});

describe("somebody who points the model back at an earlier image", () => {
    test("stops the run, which shows live → wanted in its plan", async () => {
        await somebodyElse(
            (model) => (model.virtualMachineProfile.storageProfile.imageReference = { id: versionId(MONDAY) }),
        );
        await expectStopped(new RegExp(`image was changed from ${TUESDAY} to ${MONDAY} since the last run`));
        const preview = await stack.preview("--diff");
        expect(changesIn(preview)).toEqual(["create ForeignChanges pool1", "update VirtualMachineScaleSet pool1"]);
        expect(preview.output).toMatch(new RegExp(`image *: "${MONDAY} → ${TUESDAY}"`));
    });

    test("is overruled by restore, in one reviewable write", async () => {
        await configure({ onForeignChange: "restore" });
        const preview = (await stack.preview()).orFail();
        expect(said(preview)).toEqual([expect.stringMatching(/^pool1: image was changed from /)]);
        (await stack.up("--skip-preview")).orFail();
        expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);
        expect(writes(sandbox)).toEqual([`PUT virtualMachineScaleSets/${scaleSetOf(sandbox, "pool1").name}`]);
        const after = (await stack.preview()).orFail();
        expect(changesIn(after)).toEqual([]);
        expect(said(after)).toEqual([]);
    });

    test("once more is restored once more", async () => {
        await somebodyElse(
            (model) => (model.virtualMachineProfile.storageProfile.imageReference = { id: versionId(MONDAY) }),
        );
        const up = (await stack.up("--skip-preview")).orFail();
        expect(changesIn(up)).toEqual(["update ForeignChanges pool1", "update VirtualMachineScaleSet pool1"]);
        expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);
        expect(changesIn((await stack.preview()).orFail())).toEqual([]);
        await configure({});
    });
});

describe("Azure Policy, which adds an agent extension", () => {
    test("is named and does not stop the run; the extension stays, with its settings", async () => {
        await somebodyElse(
            ({ virtualMachineProfile }) => void virtualMachineProfile.extensionProfile.extensions.push(AGENT),
        );
        const preview = (await stack.preview()).orFail();
        expect(said(preview)).toEqual([
            expect.stringMatching(/^pool1: extension AzureMonitorLinuxAgent \(\S+\) was added since the last run/),
        ]);
        (await stack.up("--skip-preview")).orFail();
        expect(extensionNames()).toContain("AzureMonitorLinuxAgent");
        const agent = modelOf(sandbox, "pool1").extensionProfile.extensions.find(({ name }) => name === AGENT.name);
        expect(JSON.stringify(agent)).toContain(JSON.stringify(AGENT.settings));
        const after = (await stack.preview()).orFail();
        expect(changesIn(after)).toEqual([]);
        expect(said(after)).toEqual([]);
    });
});

describe("Terraform, which changes the upgrade settings", () => {
    const rolling = {
        maxBatchInstancePercent: 20,
        maxUnhealthyInstancePercent: 20,
        maxUnhealthyUpgradedInstancePercent: 20,
        pauseTimeBetweenBatches: "PT0S",
    };

    test("stops the run", async () => {
        await somebodyElse((model) => (model.upgradePolicy = { mode: "Manual", rollingUpgradePolicy: rolling }));
        await expectStopped(/upgradePolicy was changed from \{"mode":"Manual"\} to \{"mode":"Manual","rolling/);
    });

    test("is accepted by adopt, without a word in the run after", async () => {
        await configure({ onForeignChange: "adopt" });
        (await stack.up("--skip-preview")).orFail();
        expect(scaleSetOf(sandbox, "pool1").model).toMatchObject({
            properties: { upgradePolicy: { rollingUpgradePolicy: rolling } },
        });
        await configure({});
        const after = (await stack.preview()).orFail();
        expect(changesIn(after)).toEqual([]);
        expect(said(after)).toEqual([]);
    });
});

describe("an upgrade by AKS Engine", () => {
    const upgrade = (model: Whole) => {
        model.tags = { ...model.tags, orchestrator: "Kubernetes:1.25.3" };
        model.virtualMachineProfile.storageProfile.imageReference = MARKETPLACE;
        model.virtualMachineProfile.osProfile.customData = Buffer.from("#cloud-config\nruncmd: [join]\n").toString(
            "base64",
        );
        model.virtualMachineProfile.extensionProfile.extensions.push(SCRIPT);
    };

    test("stops the run, which names image, extension and tag", async () => {
        await somebodyElse(upgrade);
        await expectStopped(
            /image was changed from 2026\.1117\.0412 to microsoft-aks:aks:aks-engine-ubuntu-1804-202112:2021\.12\.07/,
            /extension vmssCSE \(Microsoft\.Azure\.Extensions\/CustomScript\) was added/,
            /tag orchestrator went from Kubernetes:\S+ to Kubernetes:1\.25\.3/,
        );
    });

    test("is left alone by adopt: nothing of it is written over, in this run and the next", async () => {
        const { model } = scaleSetOf(sandbox, "pool1");
        await configure({ onForeignChange: "adopt" });
        const up = (await stack.up()).orFail();
        expect(changesIn(up)).toEqual(["update ForeignChanges pool1"]);
        expect(writes(sandbox)).toEqual([]);
        await configure({});
        const after = (await stack.up()).orFail();
        expect(changesIn(after)).toEqual([]);
        expect(said(after)).toEqual([]);
        expect(writes(sandbox)).toEqual([]);
        expect(scaleSetOf(sandbox, "pool1").model).toEqual(model);
    });

    test("is followed by an image of a node that was rebooted after it", async () => {
        await patch(sandbox, "pool1", 2, "2026-11-19T04:12:00Z");
        (await stack.up("--skip-preview")).orFail();
        expect(imageOf(sandbox, "pool1")).toBe("2026.1119.0412");
        expect(extensionNames()).toEqual(["computeAksLinuxBilling", "AzureMonitorLinuxAgent"]);
        expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    });

    test("is undone by restore, if that is what the configuration says", async () => {
        await somebodyElse(upgrade);
        await configure({ onForeignChange: "restore" });
        (await stack.up("--skip-preview")).orFail();
        expect(imageOf(sandbox, "pool1")).toBe("2026.1119.0412");
        expect(extensionNames()).not.toContain("vmssCSE");
        expect(Buffer.from(modelOf(sandbox, "pool1").osProfile.customData ?? "", "base64").toString()).toMatch(
            /^#cloud-config\n# .*\n\{\}\n$/,
        );
        await configure({});
        expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    });
});

test("a model that somebody points at an earlier image while this run makes one is not written over", async () => {
    await patch(sandbox, "pool1", 0, "2026-11-20T04:12:00Z");
    sandbox.azure.faults.neverEnd({ path: /\/versions\//, method: "PUT", times: 1 });
    const running = stack.start("up", "--skip-preview");
    await expect.poll(() => writes(sandbox), { timeout: MINUTE }).toContain("PUT versions/2026.1120.0412");
    await somebodyElse(
        (model) => (model.virtualMachineProfile.storageProfile.imageReference = { id: versionId(TUESDAY) }),
    );
    sandbox.azure.faults.clear();
    const failed = await running.outcome;
    expect(failed.exitCode).not.toBe(0);
    expect(failed.messages("error").join("\n")).toContain(
        `its image was changed from 2026.1119.0412 to ${TUESDAY} (it was changed while this update ran; nothing was written to it)`,
    );
    expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);
    sandbox.azure.requests.clear();
    await expectStopped(new RegExp(`image was changed from 2026.1119.0412 to ${TUESDAY} since the last run`));
});
