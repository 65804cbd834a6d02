// What deploy/permissions/ gives is enough: previews and a whole bump by a principal and a service account that have it
// and nothing more.
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cleaningPod } from "../../components/capture/cleaning";
import { syncPod } from "../../components/capture/pull";
import type { Principal } from "../../sandbox/azure";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { statusOf } from "../cluster/api";
import { changesIn, imageOf, patch, poolStack, scaleSetOf, versionsInGallery } from "../stack/support/pools";
import { assignmentsFor, azureRole, createJoiningPool, manifests, runAs, serviceAccount } from "./support";

const [MONDAY, TUESDAY, WEDNESDAY] = ["2026.1116.0412", "2026.1117.0412", "2026.1118.0412"];
interface Identity {
    principal: Principal;
    kubeconfig: string;
}

let sandbox: Sandbox;
let stack: Stack;
let reader: Identity;
let writer: Identity;

beforeAll(async () => {
    sandbox = await startSandbox();
    const { azure } = sandbox;
    const pool = await createJoiningPool(azure, "pool1", 3);
    await sandbox.nodes.settled();
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { maxHistory: 2, capture: "copy" });
    const identity = async (name: string, mode: "preview" | "up-copy") => ({
        principal: azure.principals.add({ name, assignments: assignmentsFor(azure, pool, `kamino-${mode}`) }),
        kubeconfig: await serviceAccount(sandbox, name, manifests(mode)),
    });
    reader = await identity("reader", "preview");
    writer = await identity("writer", "up-copy");
});
afterAll(() => sandbox?.stop());

const as = ({ principal, kubeconfig }: Identity) => runAs(stack, sandbox, principal, kubeconfig);
/** The Azure actions that an identity has used so far. */
function used({ principal: { name } }: Identity): string[] {
    const requests = sandbox.azure.requests.all({ polls: true }).filter(({ principal }) => principal === name);
    return [...new Set(requests.flatMap(({ actions }) => actions))].sort();
}

test("the read-only roles are enough for the preview of an adoption", async () => {
    as(reader);
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toContain("import VirtualMachineScaleSet pool1");
    expect(preview.messages("warning")).toEqual([]);
});

test("the roles of an up that copies disks are enough to take the first image, adopt the pool and change its model", async () => {
    as(writer);
    (await stack.up("--skip-preview")).orFail();
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(MONDAY);
});

test("they are enough for a bump, and for the next one that prunes the oldest version and adds a node", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    expect((await stack.up("--skip-preview")).orFail().messages("warning")).toEqual([]);
    expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);

    await patch(sandbox, "pool1", 2, "2026-11-18T04:12:00Z");
    const { name, capacity } = scaleSetOf(sandbox, "pool1");
    await stack.configure({ pools: [{ name: "pool1", scaleSet: name, newUpdatedNodes: 1, maxNodes: capacity + 1 }] });
    as(reader);
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toContain("update VirtualMachineScaleSet pool1");
    expect(changesIn(preview)).toContain(`delete GalleryImageVersion pool1-${MONDAY}`);
    as(writer);
    expect((await stack.up("--skip-preview")).orFail().messages("warning")).toEqual([]);
    expect(imageOf(sandbox, "pool1")).toBe(WEDNESDAY);
    expect(scaleSetOf(sandbox, "pool1").capacity).toBe(capacity + 1);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([TUESDAY, WEDNESDAY]);
});

test("each action of the roles was used", () => {
    const regions = azureRole("kamino-regions").Actions;
    expect(used(reader)).toEqual([...azureRole("kamino-preview").Actions, ...regions].sort());
    expect(used(writer)).toEqual([...azureRole("kamino-up-copy").Actions, ...regions].sort());
});

test("a gallery in another group takes the role of an up at that group as well", async () => {
    const { azure } = sandbox;
    azure.createResourceGroup("images", "westeurope");
    const { id = "" } = await computeClient(azure).galleries.createOrUpdate("images", "shared", {
        location: "westeurope",
    });
    const pool = await azure.createScaleSet({ name: "pool2", capacity: 1 });
    await sandbox.nodes.settled();
    await patch(sandbox, "pool2", 0, "2026-11-16T04:12:00Z");
    const shared = await poolStack(sandbox, ["pool2"], { gallery: id, capture: "copy" }, "shared");
    runAs(shared, sandbox, writer.principal, writer.kubeconfig);

    const refused = await shared.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toContain("'Microsoft.Compute/galleries/read' over scope '/subscriptions/");
    const images = { ...pool, resourceGroup: "images" };
    writer.principal.assignments.push(...assignmentsFor(azure, images, "kamino-up-copy"));
    (await shared.up("--skip-preview")).orFail();
});

test("no write was tried with the read-only roles", () => {
    expect(sandbox.azure.requests.writes().filter(({ principal }) => principal === "reader")).toEqual([]);
});

test.each(["default", "kube-system", "ci"])("a capture's pods cannot be made in namespace %s", async (namespace) => {
    const config = new KubeConfig();
    config.loadFromFile(writer.kubeconfig);
    const core = config.makeApiClient(CoreV1Api);
    const create = (where: string, pod: typeof syncPod) => {
        const { nodeName: node } = sandbox.azure.vms()[0];
        const body = pod({ node, version: MONDAY, namespace: where, image: "busybox:1.37.0" });
        return statusOf(core.createNamespacedPod({ namespace: where, body, dryRun: "All" }));
    };
    expect(await create(namespace, syncPod)).toBe(403);
    expect(await create("kamino-capture", syncPod)).toBe(200);
    // A copy is not cleaned by a privileged pod, and so nobody can make one.
    expect(await create("kamino-capture", cleaningPod)).toBe(403);
});
