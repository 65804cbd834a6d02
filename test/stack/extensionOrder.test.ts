// An extension that stays and waits for one that leaves the model: Azure keeps what a PUT leaves out, and refuses a
// model in which an extension waits for one that is not there.
import type { VirtualMachineScaleSetExtension } from "@azure/arm-compute";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { changesIn, imageOf, modelOf, patch, scaleSetOf, startRebootedPool, writes } from "./support/pools";

const [MONDAY, TUESDAY] = ["2026.1116.0412", "2026.1117.0412"];
const VAULT = {
    name: "vault",
    properties: {
        ...{ publisher: "Microsoft.Azure.KeyVault", type: "KeyVaultForLinux", typeHandlerVersion: "2.0" },
        ...{ autoUpgradeMinorVersion: true, provisionAfterExtensions: ["vmssCSE"] },
    },
};

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    ({ sandbox, stack } = await startRebootedPool(({ properties: { virtualMachineProfile } }) => {
        const { extensionProfile } = virtualMachineProfile as { extensionProfile: { extensions: object[] } };
        extensionProfile.extensions.push(VAULT);
    }));
    (await stack.up("--skip-preview")).orFail();
}, 600_000);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/** What the kept extension waits for, as Azure has it; undefined where Azure does not say it. */
function order(): string[] | undefined {
    const { extensions } = modelOf(sandbox, "pool1").extensionProfile;
    const vault = extensions.find(({ name }) => name === VAULT.name) as typeof VAULT | undefined;
    return vault?.properties.provisionAfterExtensions;
}

async function writeExtensions(extensions: VirtualMachineScaleSetExtension[]): Promise<void> {
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const change = { virtualMachineProfile: { extensionProfile: { extensions } } };
    await computeClient(sandbox.azure).virtualMachineScaleSets.update(resourceGroup, name, change).pollUntilDone();
}

test("it waits for none from the first write of the model on", async () => {
    expect(order()).toEqual(["vmssCSE"]);
    const changes = changesIn((await stack.up("--skip-preview")).orFail());
    expect(changes).toEqual(["update VirtualMachineScaleSet pool1"]);
    expect(imageOf(sandbox, "pool1")).toBe(MONDAY);
    expect(order()).toEqual([]);
});

test("there is nothing to do after it, whether Azure answers with an empty list or with none", async () => {
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const found = await computeClient(sandbox.azure).virtualMachineScaleSets.get(resourceGroup, name);
    const extensions = found.virtualMachineProfile?.extensionProfile?.extensions ?? [];
    await writeExtensions(extensions.filter((one) => one.name !== VAULT.name));
    await writeExtensions(extensions.map(({ provisionAfterExtensions: _none, ...extension }) => extension));
    sandbox.azure.requests.clear();
    expect(order()).toBeUndefined();
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    expect(changesIn((await stack.up("--skip-preview")).orFail())).toEqual([]);
    expect(writes(sandbox)).toEqual([]);
});

test("a later bump changes nothing else of it", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    (await stack.up("--skip-preview")).orFail();
    expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});
