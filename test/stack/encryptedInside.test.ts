// Disks that Azure Disk Encryption has encrypted from within their VM, of which no other VM starts: no model says so
// where single VMs have it by themselves, or where the extension has left the model and the disks stay encrypted.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { machinesOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";

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

test("a pool is refused at preview where the disk that is looked at is such a one", async () => {
    await use("flex", "copy");
    await encrypt("flex", 0);
    const refused = await stack.preview();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.messages("error").join("\n")).toMatch(
        /kamino:pools\[0\]\.scaleSet: scale set "\S+" is refused: Azure Disk Encryption encrypts its disks from within each VM/,
    );
    expect(written()).toEqual([]);
    await encrypt("flex", 0, false);
});

test.each([
    ["flex", "copy"],
    ["plain", "in-place"],
])("the donor's own disk of pool %s is refused before anything is done (%s)", async (pool, capture) => {
    await use(pool, capture);
    await encrypt(pool, 1);
    const { nodeName } = machinesOf(sandbox, pool)[1];
    const refused = await stack.up("--skip-preview");
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toMatch(
        new RegExp(
            `${pool}: capturing node ${nodeName} failed: Azure Disk Encryption .*, or name the node in ignoreNodes`,
        ),
    );
    expect(written()).toEqual([]);
    const { spec } = await sandbox.nodes.api.core.readNode({ name: nodeName });
    expect(spec?.unschedulable ?? false).toBe(false);
});
