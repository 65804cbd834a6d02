// A pool whose nodes join by kubeadm, told by the whole program: its images are patched disks, and each new node
// joins by its own custom data as before.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { STACK_TAG } from "../../components/azure/tags";
import { computeClient } from "../azure/support";
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
} from "./support/pools";
import { argsFor, check } from "./support/selection";

const MONDAY = "2026.1116.0412";

/** kubelet's client certificate. */
function certificateOf({ diskDirectory }: Vm): X509Certificate {
    return new X509Certificate(
        readFileSync(join(diskDirectory, "var/lib/kubelet/pki/kubelet-client-current.pem"), "utf8"),
    );
}

let sandbox: Sandbox;
let stack: Stack;
let customData: string | undefined;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3, kubeadm: true, labels: { tier: "web" } }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    customData = modelOf(sandbox, "pool1").osProfile.customData;
    stack = await poolStack(sandbox, ["pool1"]);
}, 600_000);
afterAll(() => sandbox?.stop());

test("no node is taken where its disk would be cleaned in place, and the line says what to set", async () => {
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, "pool1")).toMatch(
        /cannot be cleaned in place \(kamino:capture\): set kamino:capture to copy/,
    );
    expect(preview.changedSteps.map(({ type }) => type.split(":").at(-1))).not.toContain("OsDiskCapture");
});

test("by a copy its disk becomes an image, and the line says that new nodes still join by themselves", async () => {
    await stack.configure({ capture: undefined });
    expect(lineOf((await stack.preview()).orFail(), "pool1")).toMatch(
        /; capture by a copy: the node goes on .*; new nodes still join by their own bootstrap, from the patched disk; in it: kernel /,
    );
    (await stack.up("--skip-preview")).orFail();
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([MONDAY]);
    expect(machinesOf(sandbox, "pool1").every(({ joined }) => joined)).toBe(true);
});

test("the model points at the image, and its custom data stays", async () => {
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(MONDAY);
    expect(customData).toBeDefined();
    expect(modelOf(sandbox, "pool1").osProfile.customData).toBe(customData);
    expect(scaleSetOf(sandbox, "pool1").model.tags).toMatchObject({ "kamino-bootstrap": "kept" });
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("a node added now joins by its own cloud-init, as itself, from the patched disk", async () => {
    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "pool1").id, 4);
    await sandbox.nodes.settled();
    const [source] = machinesOf(sandbox, "pool1");
    const added = machinesOf(sandbox, "pool1")[3];
    expect(added).toMatchObject({ joined: true, bootedClean: true, bootstrapRan: false });
    expect(sandbox.nodes.patchLevel(added.nodeName)).toBe("2026-11-16");
    // Each has a certificate that the cluster has signed.
    expect(certificateOf(added).subject).toBe(`O=system:nodes\nCN=system:node:${added.nodeName}`);
    expect(certificateOf(source).subject).toBe(`O=system:nodes\nCN=system:node:${source.nodeName}`);
    const node = await sandbox.nodes.api.core.readNode({ name: added.nodeName });
    expect(node.metadata?.labels).toMatchObject({ tier: "web" });
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("the next image says which packages changed since the one that its node was made from", async () => {
    const { nodeName } = machinesOf(sandbox, "pool1")[3];
    const at = { at: new Date("2026-11-17T04:12:00Z"), utcOffsetMinutes: 120, kernel: "5.4.0-1240-azure" };
    expect(await sandbox.nodes.patchAndReboot(nodeName, at)).toBe("freed");
    const up = (await stack.up("--skip-preview")).orFail();
    expect(up.messages("info").join("\n")).toContain(
        "packages since the image before: 1 added (+ linux-image-5.4.0-1240-azure 5.4.0-1240-azure)",
    );
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([MONDAY, "2026.1117.0412"]);
    await stack.configure({ pools: [{ scaleSet: scaleSetOf(sandbox, "pool1").name, name: "pool1", pin: MONDAY }] });
});

test("a change that somebody else made is written over all the same where that is configured", async () => {
    const { virtualMachineScaleSets } = computeClient(sandbox.azure);
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const model = await virtualMachineScaleSets.get(resourceGroup, name);
    const marketplace = { publisher: "microsoft-aks", offer: "aks", sku: "aks-engine-ubuntu-1804-202112" };
    model.virtualMachineProfile!.storageProfile!.imageReference = { ...marketplace, version: "2021.12.07" };
    await virtualMachineScaleSets.createOrUpdate(resourceGroup, name, model);
    await stack.configure({ onForeignChange: "restore" });
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(MONDAY);
    expect(modelOf(sandbox, "pool1").osProfile.customData).toBe(customData);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("an image of which nothing is known is not put in place of a bootstrap that nodes have joined by", async () => {
    const { resourceGroup, name, id } = scaleSetOf(sandbox, "pool1");
    const gallery = `${id.split("/providers/")[0]}/providers/Microsoft.Compute/galleries/${galleryNameOf(resourceGroup)}`;
    const args = argsFor(sandbox, "pool1", { pin: MONDAY, imageDefinitionId: `${gallery}/images/${name}` });
    const unknown = await check(sandbox, {}, args);
    expect(unknown.failures?.map(({ reason }) => reason)).toEqual([
        expect.stringMatching(
            /^pool1: its nodes have joined by kubeadm, .*; set bootstrap: keep for the pool in kamino:pools/,
        ),
    ]);
    for (const known of [{ keptBootstrap: true }, { bootstrap: "keep" as const }, { bootstrap: "remove" as const }]) {
        expect((await check(sandbox, {}, { ...args, ...known })).failures).toBeUndefined();
    }
});

test("a stack that takes the pool over, and knows nothing of it, keeps the custom data as well", async () => {
    const { galleries, galleryImages } = computeClient(sandbox.azure);
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const gallery = await galleries.get(resourceGroup, galleryNameOf(resourceGroup));
    const definition = await galleryImages.get(resourceGroup, gallery.name!, name);
    const { [STACK_TAG]: _, ...tags } = definition.tags ?? {};
    await galleryImages.update(resourceGroup, gallery.name!, name, { tags });
    const second = await poolStack(sandbox, ["pool1"], { capture: "copy", gallery: gallery.id! }, "second");
    (await second.up("--skip-preview")).orFail();
    (await second.up("--skip-preview")).orFail();
    expect(modelOf(sandbox, "pool1").osProfile.customData).toBe(customData);
    expect(scaleSetOf(sandbox, "pool1").model.tags).toMatchObject({ "kamino-bootstrap": "kept" });
    expect(changesIn((await second.preview()).orFail())).toEqual([]);
});
