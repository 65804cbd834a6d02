// `npm run status` of a MachinePool whose scale set is of orchestration mode Flexible: its nodes are those of single
// VMs. Cluster API's kinds are there without managers; test/capi has these.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { makeKinds, makeObject } from "../cluster/capiKinds";
import { capiPool } from "../unit/capi/facts";
import { machinesOf, poolStack, scaleSetOf } from "./support/pools";
import { npmRunStatus } from "./support/scripts";

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "flex", capacity: 2, flexible: true }] });
    const { api } = sandbox.nodes;
    await makeKinds(api);
    const providerID = `azure://${scaleSetOf(sandbox, "flex").id}`;
    const { machinePool, azureMachinePool } = capiPool({ spec: { providerID } });
    await makeObject(api, "MachinePool", machinePool);
    await makeObject(api, "AzureMachinePool", azureMachinePool);
    stack = await poolStack(sandbox, ["flex"], { pools: [{ machinePool: "default/mp1" }], capture: "copy" });
    (await stack.up("--skip-preview")).orFail();
}, 600_000);
afterAll(() => sandbox?.stop());

test("its nodes and machines are found", async () => {
    const names = machinesOf(sandbox, "flex").map(({ nodeName }) => nodeName);
    const { all, exitCode, pools } = await npmRunStatus(stack);
    expect(exitCode, all).toBe(0);
    const [{ pool, nodes, images, next }] = pools;
    expect([pool, next.why]).toEqual(["mp1", expect.stringContaining("(2 nodes: 2 ")]);
    expect(nodes.map((node) => node.name).sort()).toEqual(names.sort());
    expect(nodes.map(({ state }) => state)).toEqual(["Ready", "Ready"]);
    expect(images).toMatchObject([{ machines: 2, ready: 2 }]);
});
