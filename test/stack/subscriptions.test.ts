// Pools in two subscriptions, twins by name and group: each is read and written in its own, and the other one is left
// alone.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ScaleSet } from "../../sandbox/azure";
import type { Outcome } from "../../sandbox/engine/outcome";
import { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { changesIn, scaleSetOf } from "./support/pools";

const MINUTE = 60_000;

let sandbox: Sandbox;
let stack: Stack;
let home: ScaleSet;
let away: ScaleSet;
let subscription: string;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 1 }] });
    subscription = sandbox.azure.addSubscription("other");
    home = scaleSetOf(sandbox, "pool1");
    away = await sandbox.azure.createScaleSet({
        ...{ name: "pool1", capacity: 1, subscriptionId: subscription },
        tags: { where: "the other subscription" },
    });
    // As npm run init would write it: the pool by its id, everything else by default.
    stack = await Stack.create({
        ...{ runDirectory: sandbox.directory, env: sandbox.env, name: "subscriptions" },
        config: { pools: [{ name: "away", scaleSet: away.id }], gracePeriod: "1s" },
    });
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());

test("a pool of another subscription is adopted there, with its gallery, and never its twin", async () => {
    expect([away.name, away.resourceGroup]).toEqual([home.name, home.resourceGroup]);
    sandbox.azure.requests.clear();
    const up = await stack.up();
    expect(up.output).toContain("no node fits yet");
    expect({ exitCode: up.exitCode, changes: changesIn(up) }).toMatchObject({ exitCode: 0 });
    expect(up.changedSteps.filter(({ op }) => op === "import").map(({ type }) => type)).toEqual([
        "azure-native:compute:VirtualMachineScaleSet",
    ]);
    const written = sandbox.azure.requests.writes().map(({ path }) => path.split("/")[2]);
    expect(written.length).toBeGreaterThan(0);
    expect(new Set(written)).toEqual(new Set([subscription]));
});

test("the state's scale set is the other subscription's, and a second preview changes nothing", async () => {
    const preview = await stack.preview();
    expect({ exitCode: preview.exitCode, changes: changesIn(preview) }).toEqual({ exitCode: 0, changes: [] });
    const { pools } = await stack.outputs<{ pools: { away: { scaleSetId: string } } }>();
    expect(pools.away.scaleSetId.toLowerCase()).toBe(away.id.toLowerCase());
});

test("with another default subscription the gallery keeps its name in the stack, and nothing changes in Azure", async () => {
    // As for somebody whose az has another subscription selected.
    stack.env.ARM_SUBSCRIPTION_ID = subscription;
    const ofAzure = (outcome: Outcome) => changesIn(outcome).filter((change) => !change.includes("subscription-"));
    const preview = await stack.preview();
    expect({ exitCode: preview.exitCode, changes: ofAzure(preview) }).toEqual({ exitCode: 0, changes: [] });
    sandbox.azure.requests.clear();
    const up = await stack.up();
    expect({ exitCode: up.exitCode, changes: ofAzure(up) }).toEqual({ exitCode: 0, changes: [] });
    expect(sandbox.azure.requests.writes()).toEqual([]);
    stack.env.ARM_SUBSCRIPTION_ID = home.id.split("/")[2];
    const back = await stack.preview();
    expect({ exitCode: back.exitCode, changes: ofAzure(back) }).toEqual({ exitCode: 0, changes: [] });
});
