// The story of a pool, told by the whole program on the real engine, a real API server and a local Azure: one test is
// one day.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Outcome } from "../../sandbox/engine/outcome";
import type { Stack } from "../../sandbox/engine/stack";
import { startCluster } from "../../sandbox/cluster";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import {
    changesIn,
    galleryNameOf,
    imageOf,
    lineOf,
    machinesOf,
    modelOf,
    patch,
    poolStack,
    scaleSetOf,
    versionsInGallery,
    writes,
    type PoolOutputs,
} from "./support/pools";

const MINUTE = 60_000;
const MONDAY = "2026.1116.0412";
const TUESDAY = "2026.1117.0412";
const WEDNESDAY = "2026.1118.0412";

/** A stack's state, as far as it is looked at and changed here. */
interface ExportedState {
    deployment: {
        resources: { type: string; inputs: Record<string, unknown>; outputs: Record<string, unknown> }[];
    };
}

let sandbox: Sandbox;
let stack: Stack;
let nodes: string[];

beforeAll(async () => {
    sandbox = await startSandbox({
        pools: [
            { name: "pool1", capacity: 4, labels: { tier: "web" } },
            { name: "pool2", capacity: 2, zones: ["1", "2"] },
        ],
    });
    nodes = machinesOf(sandbox, "pool1").map(({ nodeName }) => nodeName);
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { maxHistory: 2 });
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

const outputs = async (pool = "pool1") => (await stack.outputs<{ pools: Record<string, PoolOutputs> }>()).pools[pool];

/** What was said of what was being done at the moment. */
const statusLines = (outcome: Outcome) => outcome.messages("info", true);

/** Every machine runs, is in service, and is the machine that it was. */
async function expectAllInService(pool = "pool1") {
    await sandbox.nodes.settled();
    const { items } = await sandbox.nodes.api.core.listNode();
    for (const { nodeName, power, joined } of machinesOf(sandbox, pool)) {
        const node = items.find(({ metadata }) => metadata?.name === nodeName);
        expect({ nodeName, power, joined }).toEqual({ nodeName, power: "running", joined: true });
        expect(node?.spec?.unschedulable ?? false).toBe(false);
        expect(Object.keys(node?.metadata?.annotations ?? {}).filter((key) => /kamino|autoscaler/.test(key))).toEqual(
            [],
        );
    }
}

test("the first preview says which node, and adopts the pool as it is", async () => {
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toEqual([
        `create Gallery ${galleryNameOf(scaleSetOf(sandbox, "pool1").resourceGroup)}`,
        "create GalleryImage pool1",
        `create GalleryImageVersion pool1-${MONDAY}`,
        "create NodeSelection pool1",
        `create OsDiskCapture pool1-${MONDAY}`,
        "create Stack kamino-test",
        "create VmssPrototype pool1",
        "import VirtualMachineScaleSet pool1",
    ]);
    expect(lineOf(preview, "pool1")).toMatch(
        new RegExp(
            `^pool1: node ${nodes[0]}, reboot needed 2026-11-16 04:12Z, ready \\d+[hd], image ${MONDAY} ` +
                `\\(4 nodes: 3 \\S.*, 1 fits\\); capture in place: .* \\(kamino:capture\\); in it: kernel \\S+, .*, kubelet v\\S+$`,
        ),
    );
    expect(preview.messages("warning")).toEqual([]);
    expect(writes(sandbox)).toEqual([]);
});

test("the first up takes the image and leaves the model as it is", async () => {
    const before = scaleSetOf(sandbox, "pool1");
    const model = before.model;
    const up = (await stack.up("--skip-preview")).orFail();
    expect(statusLines(up)).toEqual(
        expect.arrayContaining([expect.stringMatching(/^pool1: Azure is making .* \(0s\)$/)]),
    );
    expect(statusLines(up).join("\n")).not.toContain("about");
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([MONDAY]);
    expect(scaleSetOf(sandbox, "pool1").model).toEqual(model);
    expect(await outputs()).toMatchObject({
        node: nodes[0],
        version: MONDAY,
        versions: [MONDAY],
        scaleSetId: before.id,
        adopted: true,
    });
    await expectAllInService();
});

test("the next run points the model at the image, and takes the bootstrap out of it", async () => {
    const preview = (await stack.preview("--diff")).orFail();
    expect(changesIn(preview)).toEqual(["update VirtualMachineScaleSet pool1"]);
    (await stack.up("--skip-preview")).orFail();
    const profile = modelOf(sandbox, "pool1");
    expect(imageOf(sandbox, "pool1")).toBe(MONDAY);
    expect(Object.keys(profile.storageProfile.imageReference)).toEqual(["id"]);
    expect(profile.extensionProfile.extensions.map(({ name }) => name)).toEqual([
        `${scaleSetOf(sandbox, "pool1").name}-computeAksLinuxBilling`,
    ]);
    expect(Buffer.from(profile.osProfile.customData ?? "", "base64").toString()).toBe("#cloud-config\n{}\n");
    expect(scaleSetOf(sandbox, "pool1").capacity).toBe(4);
    // Nothing rolled out: every node still is what it was made as.
    expect(machinesOf(sandbox, "pool1").every(({ latestModelApplied }) => !latestModelApplied)).toBe(true);
    await expectAllInService();
});

test("when no node is newer than the image nothing changes and nothing is written", async () => {
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toEqual([]);
    expect(lineOf(preview, "pool1")).toMatch(/^pool1: unchanged, image 2026\.1116\.0412 from node /);
    expect(changesIn((await stack.up("--skip-preview")).orFail())).toEqual([]);
    expect(writes(sandbox)).toEqual([]);
});

test("a node added now is like the patched one, joined without bootstrap, and is itself", async () => {
    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "pool1").id, 5);
    await sandbox.nodes.settled();
    const [source] = machinesOf(sandbox, "pool1");
    const added = machinesOf(sandbox, "pool1")[4];
    expect(added).toMatchObject({ joined: true, bootedClean: true, bootstrapped: true, bootstrapRan: false });
    expect(sandbox.nodes.patchLevel(added.nodeName)).toBe("2026-11-16");
    const file = (vm: typeof added, path: string) => readFileSync(join(vm.diskDirectory, path), "utf8").trim();
    expect(file(added, "etc/hostname")).toBe(added.computerName);
    expect(file(added, "etc/machine-id")).not.toBe(file(source, "etc/machine-id"));
    expect(file(added, "var/log/kamino-ancestry.log")).toContain(`version ${MONDAY} from node ${source.nodeName}`);
    const node = await sandbox.nodes.api.core.readNode({ name: added.nodeName });
    expect(node.metadata?.labels).toMatchObject({ tier: "web" });
    // kured's annotation is the source's own and does not come with its disk.
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("a newer reboot is one preview: of the scale set one line", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    const preview = (await stack.preview("--diff")).orFail();
    expect(changesIn(preview)).toEqual([
        `create GalleryImageVersion pool1-${TUESDAY}`,
        `create OsDiskCapture pool1-${TUESDAY}`,
        "update NodeSelection pool1",
        "update VirtualMachineScaleSet pool1",
    ]);
    const scaleSet = preview.steps.find(({ type }) => type.endsWith(":VirtualMachineScaleSet"));
    expect(scaleSet?.diffs).toEqual(["virtualMachineProfile.storageProfile.imageReference.id"]);
    expect(preview.output).toMatch(
        new RegExp(`~ id: "\\S+/versions/${MONDAY}" => "\\S+/versions/${TUESDAY}"`.replaceAll(".", "\\.")),
    );
    expect(lineOf(preview, "pool1")).toContain(`node ${nodes[1]}, reboot needed 2026-11-17 04:12Z`);
    expect(lineOf(preview, "pool1")).toContain(`image ${MONDAY} → ${TUESDAY} (5 nodes: `);
    expect(writes(sandbox)).toEqual([]);
});

test("a plan file holds: an up that would choose another node than the reviewed one changes nothing", async () => {
    const plan = join(sandbox.directory, "plan.json");
    (await stack.preview("--save-plan", plan)).orFail();
    expect(existsSync(plan)).toBe(true);
    await patch(sandbox, "pool1", 2, "2026-11-18T04:12:00Z");
    sandbox.azure.requests.clear();
    const up = await stack.up("--plan", plan, "--skip-preview");
    expect(up.exitCode).not.toBe(0);
    expect(up.output).toContain("violates plan");
    expect(writes(sandbox)).toEqual([]);
    expect(imageOf(sandbox, "pool1")).toBe(MONDAY);
    await expectAllInService();
});

test("a plan made anew is carried out to the letter", async () => {
    const plan = join(sandbox.directory, "plan.json");
    (await stack.preview("--save-plan", plan)).orFail();
    const up = (await stack.up("--plan", plan, "--skip-preview")).orFail();
    const said = statusLines(up).join("\n");
    expect(said).toMatch(/^pool1: capturing node \S+: draining, .* \(\d+s(,| of) .*about \d+s\)$/m);
    // How long Azure takes, npm run up alone knows.
    expect(said).toContain(`pool1: Azure is making image ${WEDNESDAY} (0s)`);
    expect(imageOf(sandbox, "pool1")).toBe(WEDNESDAY);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([MONDAY, WEDNESDAY]);
    expect(await outputs()).toMatchObject({ node: nodes[2], versions: [MONDAY, WEDNESDAY] });
    const snapshots = sandbox.azure.requests.writes().filter(({ path }) => /\/snapshots\//.test(path));
    expect(snapshots.map(({ method }) => method)).toEqual(["PUT", "DELETE"]);
    await expectAllInService();
});

test("what history no longer keeps goes, after the model has moved on", async () => {
    await patch(sandbox, "pool1", 3, "2026-11-19T04:12:00Z");
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toContain(`delete GalleryImageVersion pool1-${MONDAY}`);
    (await stack.up("--skip-preview")).orFail();
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([WEDNESDAY, "2026.1119.0412"]);
    const order = writes(sandbox).filter((write) => /^(DELETE versions|PUT virtualMachineScaleSets)\//.test(write));
    expect(order).toEqual([
        `PUT virtualMachineScaleSets/${scaleSetOf(sandbox, "pool1").name}`,
        `DELETE versions/${MONDAY}`,
    ]);
    await expectAllInService();
});

test("a pin rolls the model back to an earlier version and takes no image; without it the pool goes on", async () => {
    const pools = [{ name: "pool1", scaleSet: scaleSetOf(sandbox, "pool1").name }];
    await stack.configure({ pools: [{ ...pools[0], pin: WEDNESDAY }] });
    await patch(sandbox, "pool1", 0, "2026-11-20T04:12:00Z");
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, "pool1")).toBe(`pool1: pinned to image ${WEDNESDAY} by the configuration (pin)`);
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(WEDNESDAY);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([WEDNESDAY, "2026.1119.0412"]);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);

    await stack.configure({ pools });
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe("2026.1120.0412");
    // What the model pointed at was kept until it pointed at something else.
    expect(changesIn((await stack.up("--skip-preview")).orFail())).toEqual([
        `delete GalleryImageVersion pool1-${WEDNESDAY}`,
        `delete OsDiskCapture pool1-${WEDNESDAY}`,
        "update NodeSelection pool1",
    ]);
});

test("a rejected image is left for the one before, and the pool goes on with it when it is not rejected any more", async () => {
    const [rejected, before] = ["2026.1120.0412", "2026.1119.0412"];
    const pools = [{ name: "pool1", scaleSet: scaleSetOf(sandbox, "pool1").name }];
    await stack.configure({ pools: [{ ...pools[0], reject: [rejected] }] });
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, "pool1")).toMatch(
        new RegExp(
            `^pool1: back to image ${before} from node ${nodes[3]}; image ${rejected} is rejected by the ` +
                "configuration \\(reject\\) \\(\\d nodes: ",
        ),
    );
    expect(changesIn(preview)).toEqual(["update NodeSelection pool1", "update VirtualMachineScaleSet pool1"]);
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(before);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([before, rejected]);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);

    await stack.configure({ pools });
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(rejected);
});

test("a refresh finds nothing changed, and the preview after it says unchanged", async () => {
    const refreshed = (await stack.refresh("--diff")).orFail();
    // What the last run said of itself is read anew, and that alone.
    const changed = [...refreshed.output.matchAll(/^ *[~+-]+ (\S+): \(\w+\)/gm)].map(([, type]) => type);
    expect([...new Set(changed)]).toEqual(["pulumi:pulumi:StackReference"]);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("how long captures took is in the state, in no input, and a state of earlier versions is read without it", async () => {
    const file = join(sandbox.directory, "state.json");
    const state = (await stack.run("stack", "export")).orFail().json<ExportedState>();
    const captures = state.deployment.resources.filter(({ type }) => type.endsWith(":OsDiskCapture"));
    expect(captures.map(({ outputs }) => typeof outputs.tookSeconds)).toEqual(captures.map(() => "number"));
    expect(captures.filter(({ inputs }) => "tookSeconds" in inputs)).toEqual([]);
    captures.forEach(({ outputs }) => delete outputs.tookSeconds);
    // Nor does it matter by which text the code of a dynamic resource was loaded: earlier versions tried nothing.
    const dynamic = state.deployment.resources.filter(({ type }) => type.startsWith("pulumi-nodejs:"));
    expect(new Set(dynamic.map(({ type }) => type)).size).toBeGreaterThan(1);
    for (const { inputs, outputs } of dynamic) {
        const earlier = String(inputs.__provider).replace(/^ {4}try \{[^]*?^ {4}\}\n(?= {4}load)/m, "");
        expect([inputs.__provider, outputs.__provider]).not.toContain(earlier);
        inputs.__provider = outputs.__provider = earlier;
    }
    writeFileSync(file, JSON.stringify(state));
    (await stack.run("stack", "import", "--file", file)).orFail();
    const preview = (await stack.preview("--diff")).orFail();
    expect(changesIn(preview)).toEqual([]);
    expect(preview.output).not.toContain("tookSeconds");
});

test("a pool added later is adopted while the others go their way", async () => {
    const both = ["pool1", "pool2"].map((name) => ({ name, scaleSet: scaleSetOf(sandbox, name).name }));
    await stack.configure({ pools: both });
    await patch(sandbox, "pool2", 1, "2026-11-18T05:30:00Z");
    await patch(sandbox, "pool1", 1, "2026-11-21T04:12:00Z");
    const up = (await stack.up("--skip-preview")).orFail();
    expect(changesIn(up)).toContain("import VirtualMachineScaleSet pool2");
    expect(changesIn(up)).toContain("update VirtualMachineScaleSet pool1");
    expect(imageOf(sandbox, "pool2")).toBeUndefined();
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool2")).toBe("2026.1118.0530");
    expect(imageOf(sandbox, "pool1")).toBe("2026.1121.0412");
    await expectAllInService("pool2");
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

/** By a kubeconfig of another cluster all machines look as if they had not come up. */
async function expectNothingSaidByAnotherCluster(): Promise<void> {
    const another = await startCluster(join(sandbox.directory, "another"));
    try {
        await stack.configure({ kubeconfig: another.kubeconfig });
        const preview = (await stack.preview()).orFail();
        expect(preview.messages("warning").join("\n")).toMatch(
            /pool1: none of its machines is a node of the cluster at https:\S+, .* set kamino:context or kamino:kubeconfig/,
        );
        expect(changesIn(preview)).toEqual([]);
    } finally {
        await stack.configure({ kubeconfig: undefined });
        await another.stop();
    }
}

test("an image whose machines do not come up is left for the one that has proven itself", async () => {
    const [good, bad] = ["2026.1121.0412", "2026.1122.0412"];
    const scaleSet = scaleSetOf(sandbox, "pool1");
    const grow = async () => {
        await sandbox.azure.setCapacity(scaleSet.id, machinesOf(sandbox, "pool1").length + 1);
        await sandbox.nodes.settled();
        return machinesOf(sandbox, "pool1").at(-1)!;
    };
    const size = machinesOf(sandbox, "pool1").length;
    const proof = await grow();
    await sandbox.nodes.setReadySince(proof.nodeName, new Date(Date.now() - 2 * 3_600_000));
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    await patch(sandbox, "pool1", 2, "2026-11-22T04:12:00Z");
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(bad);

    const folder = sandbox.azure.diskFolder(modelOf(sandbox, "pool1").storageProfile.imageReference.id) ?? "";
    rmSync(join(folder, "etc/default/kubelet"));
    const late = await grow();
    expect(late).toMatchObject({ power: "running", joined: false });
    expect(changesIn((await stack.preview()).orFail()), "it has time yet").toEqual([]);
    await stack.configure({ newNodeTimeout: "1s" });
    await expectNothingSaidByAnotherCluster();
    const preview = (await stack.preview()).orFail();
    const failed = `image ${bad} failed: 1 of 1 machines made from it not Ready in time (${late.nodeName})`;
    expect(lineOf(preview, "pool1")).toContain(`pool1: back to image ${good} from node ${nodes[1]}; ${failed} (`);
    expect(preview.messages("warning")).toEqual([`pool1: ${failed}; these machines are left as they are`]);
    expect(changesIn(preview)).toEqual(["update NodeSelection pool1", "update VirtualMachineScaleSet pool1"]);
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(good);
    expect(sandbox.azure.vm(late.id)).toMatchObject({ power: "running", joined: false });
    expect((await grow()).joined).toBe(true);

    // The failure and the proof are remembered after their machines are gone.
    await sandbox.azure.setCapacity(scaleSet.id, size);
    await sandbox.nodes.settled();
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test(
    "destroy is refused, and deletes nothing that is in use",
    async () => {
        const destroyed = await stack.destroy();
        expect(destroyed.exitCode).not.toBe(0);
        expect(destroyed.output).toMatch(/protect/);
        expect(writes(sandbox)).toEqual([]);
        // Even with protection taken away in the stack's state the scale set stays in Azure, and what it starts from.
        (await stack.run("state", "unprotect", "--all", "--yes")).orFail();
        (await stack.destroy()).orFail();
        expect(writes(sandbox).filter((write) => /virtualMachineScaleSets/.test(write))).toEqual([]);
        expect(await versionsInGallery(sandbox, "pool1")).toEqual([imageOf(sandbox, "pool1")]);
        await expectAllInService();
    },
    10 * MINUTE,
);
