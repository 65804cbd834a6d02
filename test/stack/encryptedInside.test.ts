// Disks that Azure Disk Encryption has encrypted from within their VM, of which no other VM starts: no model says so
// where single VMs have it by themselves, or where the extension has left the model and the disks stay encrypted.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { flexiblePoolId } from "../../components/core/machinesId";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { inputsFor, startCapture } from "./support/capture";
import { lineOf, machinesOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";

const POOLS: [pool: string, capture: "copy" | "in-place"][] = [
    ["flex", "copy"],
    ["plain", "in-place"],
];

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({
        pools: [
            { name: "flex", capacity: 2, flexible: true },
            { name: "plain", capacity: 3 },
        ],
    });
    await patch(sandbox, "flex", 1, "2026-11-16T04:12:00Z");
    await patch(sandbox, "plain", 1, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["flex"]);
}, 600_000);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/** Turns the encryption of a VM's OS disk on or off. */
async function encrypt(pool: string, index: number, enabled = true): Promise<void> {
    const [, , , , group, , , , name] = machinesOf(sandbox, pool)[index].osDiskId.split("/");
    const change = { encryptionSettingsCollection: { enabled, encryptionSettingsVersion: "1.1" } };
    await computeClient(sandbox.azure).disks.update(group, name, change);
    sandbox.azure.requests.clear();
}

const use = (pool: string, capture: string) =>
    stack.configure({ capture, pools: [{ name: pool, scaleSet: scaleSetOf(sandbox, pool).name }] });

/** What was written to Azure besides gallery and definition. */
const written = () => writes(sandbox).filter((write) => !/ (galleries|images)\//.test(write));

test.each(POOLS)("an old node of pool %s that is encrypted is in nobody's way (%s)", async (pool, capture) => {
    await use(pool, capture);
    await encrypt(pool, 0);
    const { nodeName } = machinesOf(sandbox, pool)[1];
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, pool)).toContain(nodeName);
    expect(written()).toEqual([]);
    await encrypt(pool, 0, false);
});

test.each(POOLS)("the donor's own disk of pool %s is refused at preview and in an up (%s)", async (pool, capture) => {
    await use(pool, capture);
    await encrypt(pool, 1);
    const { nodeName } = machinesOf(sandbox, pool)[1];
    for (const refused of [await stack.preview(), await stack.up("--skip-preview")]) {
        expect(refused.exitCode).not.toBe(0);
        expect(refused.output).toMatch(
            new RegExp(
                `kamino:pools\\[0\\].scaleSet: no image 2026.1116.0412 is made of node ${nodeName}: Azure Disk Encryption .*\\(ignoreNodes\\)`,
            ),
        );
        expect(refused.output).not.toMatch(/^\s+at .*:\d+:\d+/m);
    }
    expect(written()).toEqual([]);
    const { spec } = await sandbox.nodes.api.core.readNode({ name: nodeName });
    expect(spec?.unschedulable ?? false).toBe(false);
    await encrypt(pool, 1, false);
});

test.each(POOLS)("one of pool %s that is encrypted after that is not captured (%s)", async (pool, capture) => {
    await encrypt(pool, 1);
    const vm = machinesOf(sandbox, pool)[1];
    const { id } = scaleSetOf(sandbox, pool);
    const inputs = inputsFor(sandbox, vm, { pool, scaleSetId: pool === "flex" ? flexiblePoolId(id) : id });
    const settings = { ...inputs.settings, mode: capture };
    const { error } = await startCapture(sandbox, { ...inputs, settings }).result;
    expect(error).toMatch(
        new RegExp(
            `${pool}: capturing node ${vm.nodeName} failed: Azure Disk Encryption .*, or name the node in ignoreNodes`,
        ),
    );
    expect(written()).toEqual([]);
    const { spec } = await sandbox.nodes.api.core.readNode({ name: vm.nodeName });
    expect(spec?.unschedulable ?? false).toBe(false);
});
