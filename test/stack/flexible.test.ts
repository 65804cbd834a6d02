// The story of a scale set of orchestration mode Flexible, told by the whole program: its VMs are single ones, and
// other VMs of the cluster, one of them attached to it by hand, look like them.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import type { Principal, Vm } from "../../sandbox/azure";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { items, sender, type Body } from "../azure/support";
import { azureRole } from "../permissions/support";
import {
    changesIn,
    imageOf,
    lineOf,
    machinesOf,
    poolStack,
    scaleSetOf,
    versionsInGallery,
    writes,
    type PoolOutputs,
} from "./support/pools";
import { npmRun, npmRunStatus } from "./support/scripts";

const MINUTE = 60_000;
const [MONDAY, TUESDAY] = ["2026.1116.0412", "2026.1117.0412"];

let sandbox: Sandbox;
let stack: Stack;
/** VMs that the scale set has made. */
let own: Vm[];
/** What is there besides: by what makes it look like the pool's. */
let others: Record<"attached" | "attachedAlike" | "namedAlike", Vm>;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "flex", capacity: 3, flexible: true }] });
    own = machinesOf(sandbox, "flex");
    const { id, name } = scaleSetOf(sandbox, "flex");
    const make = (vmName: string, computerName: string, isMember: boolean) =>
        sandbox.azure.createVm({
            name: vmName,
            change: ({ properties }) => {
                properties.osProfile!.computerName = computerName;
                properties.virtualMachineScaleSet = isMember ? { id } : undefined;
            },
        });
    others = {
        attached: await make("attached", "attached", true),
        attachedAlike: await make(`${name}-own`, `${name}00000a`, true),
        namedAlike: await make(`${name}_0a1b2c3d`, `${name}00000b`, false),
    };
    await sandbox.nodes.settled();
    await reboot(own[0], "2026-11-16T04:12:00Z");
    for (const vm of Object.values(others)) {
        await reboot(vm, "2026-11-20T04:12:00Z");
    }
    stack = await poolStack(sandbox, ["flex"], { capture: "copy", minimumReadyTime: "1s" });
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());

async function reboot({ nodeName }: Vm, at: string) {
    expect(await sandbox.nodes.patchAndReboot(nodeName, { at: new Date(at), utcOffsetMinutes: 120 })).toBe("freed");
}

const outputs = async () => (await stack.outputs<{ pools: Record<string, PoolOutputs> }>()).pools.flex;
const stateOf = (vm: Vm) => ({ disk: vm.osDiskId, boot: vm.bootId, power: vm.power, joined: vm.joined });

/** The image that each of the pool's VMs was made from: the version, or `marketplace`. */
async function images(): Promise<Record<string, string>> {
    const send = await sender(sandbox.azure);
    const found = machinesOf(sandbox, "flex").map(async ({ id, nodeName }) => {
        const { body } = await send("GET", `${id}?api-version=2024-11-01`);
        const reference = body.properties.storageProfile.imageReference as unknown as { id?: string };
        return [nodeName, reference.id?.split("/").at(-1) ?? "marketplace"] as const;
    });
    return Object.fromEntries(await Promise.all(found));
}

test("the first preview adopts the pool, and takes the node of a VM that the set has made, not of the newer ones beside it", async () => {
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toContain("import VirtualMachineScaleSet flex");
    expect(lineOf(preview, "flex")).toMatch(
        new RegExp(
            `^flex: node ${own[0].nodeName}, reboot needed 2026-11-16 04:12Z, .* image ${MONDAY} \\(3 nodes: 2 .*, 1 fits\\); capture by a copy`,
        ),
    );
    expect(preview.messages("warning")).toEqual([]);
});

test.each(["attached", "attachedAlike", "namedAlike"] as const)(
    "a VM that is %s is not taken when it is named, either",
    async (which) => {
        const { name } = scaleSetOf(sandbox, "flex");
        const pools = (more: object) => ({ pools: [{ name: "flex", scaleSet: name, ...more }] });
        await stack.configure(pools({ node: others[which].nodeName }));
        const preview = await stack.preview();
        expect(preview.exitCode).not.toBe(0);
        expect(preview.output).toContain(`is not a node of scale set "${name}"`);
        await stack.configure(pools({}));
    },
);

test("two runs take the first image from a copy and point the model at it; no VM is touched", async () => {
    const before = Object.fromEntries(sandbox.azure.vms().map((vm) => [vm.id, stateOf(vm)]));
    const { capacity } = scaleSetOf(sandbox, "flex");
    sandbox.azure.requests.clear();
    (await stack.up("--skip-preview")).orFail();
    expect(await versionsInGallery(sandbox, "flex")).toEqual([MONDAY]);
    expect(imageOf(sandbox, "flex")).toBeUndefined();
    const second = (await stack.up("--skip-preview")).orFail();
    expect(changesIn(second)).toEqual(["update VirtualMachineScaleSet flex"]);

    expect(imageOf(sandbox, "flex")).toBe(MONDAY);
    expect(await outputs()).toMatchObject({ node: own[0].nodeName, scaleSetId: scaleSetOf(sandbox, "flex").id });
    expect(Object.fromEntries(sandbox.azure.vms().map((vm) => [vm.id, stateOf(vm)]))).toEqual(before);
    expect(scaleSetOf(sandbox, "flex").capacity).toBe(capacity);
    // The driver attaches the copy to a VM; the program itself writes no VM.
    const driver = "azuredisk-csi-driver";
    const written = sandbox.azure.requests.writes().filter(({ principal }) => principal !== driver);
    expect(written.filter(({ path }) => /\/virtualMachines\//i.test(path))).toEqual([]);
    expect(written.filter(({ path }) => /\/virtualMachineScaleSets\//i.test(path))).toHaveLength(1);
});

test("what a VM is made of is in the model still, as a Flexible set needs it", () => {
    const { properties } = scaleSetOf(sandbox, "flex").model as { properties: Body };
    expect(properties).not.toHaveProperty("overprovision");
    const { networkProfile, storageProfile } = properties.virtualMachineProfile;
    expect(networkProfile.networkApiVersion).toBe("2020-11-01");
    const [{ properties: nic }] = items<Body>(networkProfile.networkInterfaceConfigurations);
    expect(nic.deleteOption).toBe("Delete");
    expect(storageProfile.osDisk.deleteOption).toBe("Delete");
});

test("a new VM starts from the image, patched, without a bootstrap, and proves it", async () => {
    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "flex").id, 4);
    await sandbox.nodes.settled();
    const known = [...own, ...Object.values(others)].map(({ id }) => id);
    const [added] = machinesOf(sandbox, "flex").filter(({ id }) => !known.includes(id));
    expect((await images())[added.nodeName]).toBe(MONDAY);
    expect(added).toMatchObject({ joined: true, bootedClean: true, bootstrapRan: false });

    const status = async () => (await npmRunStatus(stack)).pools[0];
    const proof = async () => (await status()).images.find(({ image }) => image === MONDAY)?.proof;
    await expect.poll(proof, { timeout: MINUTE }).toBe("proven");
    const { nodes, scaleSetId } = await status();
    expect(nodes.map(({ name }) => name).sort()).toEqual([...own, added].map(({ nodeName }) => nodeName).sort());
    expect(scaleSetId).toBe(scaleSetOf(sandbox, "flex").id);
});

/** Somebody who has these roles of deploy/permissions at the scale set's group, and no other right. */
function principal(name: string, ...roles: string[]) {
    const { azure } = sandbox;
    const assigned = (role: string, scope: string) => ({
        scope,
        role: { name: role, actions: azureRole(role).Actions },
    });
    const group = scaleSetOf(sandbox, "flex").id.split("/providers/")[0];
    const regions = assigned("kamino-regions", `/subscriptions/${azure.subscriptionId}`);
    return azure.principals.add({ name, assignments: [...roles.map((role) => assigned(role, group)), regions] });
}

const signIn = (who: Principal) => Object.assign(stack.env, sandbox.azure.envFor(who));

test("a bump takes the node that was rebooted since, with the roles of an up, and a preview after it has nothing to do", async () => {
    await reboot(own[1], "2026-11-17T04:12:00Z");
    const before = sandbox.azure.vms().map(stateOf);
    signIn(principal("writer", "kamino-up-copy", "kamino-flexible"));
    const bump = (await stack.up("--skip-preview")).orFail();
    expect(bump.messages("warning")).toEqual([]);
    expect(lineOf(bump, "flex")).toContain(`node ${own[1].nodeName}`);
    expect(imageOf(sandbox, "flex")).toBe(TUESDAY);
    expect(sandbox.azure.vms().map(stateOf)).toEqual(before);
    expect(Object.values(await images()).filter((image) => image === TUESDAY)).toEqual([]);
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toEqual([]);
});

test("a preview of nothing asks Azure no more than of other pools, with its role and no other right", async () => {
    const { azure } = sandbox;
    const reader = principal("reader", "kamino-preview", "kamino-flexible");
    signIn(reader);
    azure.requests.clear();
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    const asked = azure.requests.all().filter((request) => request.principal === "reader");
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.length).toBeLessThanOrEqual(4 + 3);

    reader.assignments.splice(1, 1);
    const refused = await stack.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toContain("Microsoft.Compute/virtualMachines/read");
    signIn(azure.principal);
});

test("a disk is captured in place in no run, and the preview says so", async () => {
    const before = writes(sandbox).length;
    await stack.configure({ capture: "in-place" });
    const refused = await stack.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toMatch(
        /is refused: its orchestration mode is Flexible, so that its VMs are captured by a copy alone/,
    );
    await stack.configure({ capture: "copy" });
    expect(writes(sandbox)).toHaveLength(before);
});

test("npm run init finds it by the VMs of its nodes", async () => {
    const file = join(sandbox.directory, "Pulumi.new.yaml");
    const done = await npmRun("init", ["--stack", "new", "--config-file", file, "--yes"], stack.env);
    expect(done.exitCode, done.all).toBe(0);
    const { name } = scaleSetOf(sandbox, "flex");
    expect(done.all).toMatch(new RegExp(`${name} +\\d nodes +fits`));
    expect(parse(await readFile(file, "utf8"))).toMatchObject({ config: { "kamino:pools": [{ scaleSet: name }] } });
});

test("npm run init says why the VMs cannot be listed, and what right it needs", async () => {
    const file = join(sandbox.directory, "Pulumi.newer.yaml");
    const message =
        "The client does not have authorization to perform action 'Microsoft.Compute/virtualMachines/read' over scope 'x'";
    sandbox.azure.faults.fail({
        ...{ path: /\/providers\/Microsoft\.Compute\/virtualMachines$/i, method: "GET" },
        ...{ status: 403, code: "AuthorizationFailed", message },
    });
    const refused = await npmRun("init", ["--stack", "newer", "--config-file", file, "--yes"], stack.env);
    sandbox.azure.faults.clear();
    expect(refused.exitCode).toBe(1);
    expect(refused.all.trim().split("\n").at(-1)).toMatch(
        /^no node of this cluster is known to be in a VM scale set: the VMs of resource group \S+ cannot be listed, .*virtualMachines\/read.*; sign in with az login, and give virtualMachines\/read there \(role kamino-flexible /,
    );
    expect(refused.all).not.toContain("check the context");
});
