// Nodes that are added after a bump so that its image proves itself now, told by the whole program: once for a version,
// never above the maximum, and only where the policy pack allows it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { PoolStatus } from "../../runner/status/show";
import { ConnectionReset } from "../../sandbox/azure/faults";
import type { Outcome } from "../../sandbox/engine/outcome";
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import type { Choice } from "../../components/selection/nodeSelection";
import { computeClient } from "../azure/support";
import { changesIn, imageOf, machinesOf, patch, poolStack, scaleSetOf, writes } from "./support/pools";
import { npmRunStatus } from "./support/scripts";
import { killAll } from "./support/processes";

const MONDAY = "2026.1116.0412";
const TUESDAY = "2026.1117.0412";
const WEDNESDAY = "2026.1118.0412";
const THURSDAY = "2026.1119.0412";
const PACK = ["--policy-pack", join(repository, "policies")];

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 2 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    stack = await poolStack(sandbox, ["pool1"], { capture: "copy", minimumReadyTime: "1s" });
}, 600_000);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

/** Configures the pool with these settings. */
const configure = (settings: object) =>
    stack.configure({ pools: [{ name: "pool1", scaleSet: scaleSetOf(sandbox, "pool1").name, ...settings }] });
const capacity = () => scaleSetOf(sandbox, "pool1").capacity;
const mark = () => (scaleSetOf(sandbox, "pool1").model as { tags?: Record<string, string> }).tags?.["kamino-new-nodes"];
const patches = () => writes(sandbox).filter((write) => write.startsWith("PATCH virtualMachineScaleSets/"));
const linesOf = (outcome: Outcome, level: "info" | "warning" = "info") =>
    outcome.messages(level).filter((line) => line.includes("newUpdatedNodes") || line.includes("adding"));
const up = async () => (await stack.up("--skip-preview")).orFail();

/** Nothing changes and nothing is written, in a preview and in an update. */
async function expectUnchanged(): Promise<void> {
    sandbox.azure.requests.clear();
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toEqual([]);
    expect(linesOf(preview)).toEqual([]);
    expect(changesIn(await up())).toEqual([]);
    expect(writes(sandbox)).toEqual([]);
}

/** What the state has of the nodes that were added for a version. */
async function stateOf(version: string) {
    const all = await stack.resources();
    return all.find(({ urn }) => urn.endsWith(`:NewUpdatedNodes::pool1-${version}`))?.outputs;
}

/** What `npm run status` says of nodes that were added, and of what an up would do. */
async function status(): Promise<Pick<PoolStatus, "newNodes" | "next">> {
    const [{ newNodes, next }] = (await npmRunStatus(stack)).pools;
    return { newNodes, next };
}

/** Gives the scale set these tags besides its own. */
async function setTags(tags: Record<string, string>): Promise<void> {
    const { resourceGroup, name } = scaleSetOf(sandbox, "pool1");
    const { virtualMachineScaleSets } = computeClient(sandbox.azure);
    const { tags: before } = await virtualMachineScaleSets.get(resourceGroup, name);
    await virtualMachineScaleSets.update(resourceGroup, name, { tags: { ...before, ...tags } }).pollUntilDone();
}

test("is refused in one line, with nothing touched, where it is no number or the maximum is not known", async () => {
    const errorOf = async (settings: object) => {
        await configure(settings);
        const preview = await stack.preview();
        expect(preview.exitCode).not.toBe(0);
        expect(preview.output).not.toMatch(/^\s+at .*:\d+:\d+/m);
        return preview.messages("error").join("\n");
    };
    expect(await errorOf({ newUpdatedNodes: 0 })).toContain(
        "kamino:pools[0].newUpdatedNodes must be a whole number from 1 to 100",
    );
    expect(await errorOf({ newUpdatedNodes: 1 })).toMatch(
        /kamino:pools\[0\]\.scaleSet: newUpdatedNodes needs the autoscaler's maximum, .* set the pool's maxNodes to it/,
    );
    expect(writes(sandbox)).toEqual([]);
});

test("the run that adopts the pool adds none", async () => {
    await configure({ newUpdatedNodes: 1, maxNodes: 10 });
    const adopted = await up();
    expect(changesIn(adopted)).toContain("import VirtualMachineScaleSet pool1");
    expect(changesIn(adopted).filter((change) => change.includes("NewUpdatedNodes"))).toEqual([]);
    expect([capacity(), patches()]).toEqual([2, []]);
});

test("the preview of a bump shows the addition as a resource, and says the capacity before and after", async () => {
    const preview = (await stack.preview("--diff")).orFail();
    expect(changesIn(preview)).toEqual([
        `create NewUpdatedNodes pool1-${MONDAY}`,
        "update VirtualMachineScaleSet pool1",
    ]);
    expect(linesOf(preview)).toEqual([
        `pool1: 1 node is added once the model points at image ${MONDAY} (newUpdatedNodes): capacity 2 → 3, of at most 10`,
    ]);
    expect(writes(sandbox)).toEqual([]);
    const { newNodes, next } = await status();
    expect(newNodes).toEqual([]);
    expect(next.steps).toEqual([
        `point the model at image ${MONDAY}`,
        "add 1 node made from it: capacity 2 → 3 (newUpdatedNodes)",
    ]);
});

test("the policy pack holds it, unless its options allow it", async () => {
    const refused = await stack.preview(...PACK);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toMatch(/\[mandatory\] {2}new-nodes-allowed[^]*newUpdatedNodes of pool pool1 would add 1/);
    const options = join(sandbox.directory, "policies.json");
    writeFileSync(options, JSON.stringify({ "new-nodes-allowed": { maxNewNodes: 1 } }));
    (await stack.preview(...PACK, "--policy-pack-config", options)).orFail();
    expect(writes(sandbox)).toEqual([]);
});

test("the bump raises the capacity once, by one PATCH, and the new node starts from the image", async () => {
    const plan = join(sandbox.directory, "plan.json");
    (await stack.preview("--save-plan", plan)).orFail();
    // The autoscaler adds a node of the old image meanwhile: the plan holds.
    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "pool1").id, 3);
    await sandbox.nodes.settled();
    sandbox.azure.requests.clear();
    const done = (await stack.up("--plan", plan, "--skip-preview")).orFail();
    expect(linesOf(done)).toContain(`pool1: adding 1 node made from image ${MONDAY}: capacity 3 → 4`);
    const { name } = scaleSetOf(sandbox, "pool1");
    expect(writes(sandbox)).toEqual([`PUT virtualMachineScaleSets/${name}`, `PATCH virtualMachineScaleSets/${name}`]);
    expect([capacity(), mark()]).toEqual([4, `${MONDAY}=4`]);
    expect(await stateOf(MONDAY)).toMatchObject({ added: 1, outcome: "capacity 3 → 4" });
    await sandbox.nodes.settled();
    const made = machinesOf(sandbox, "pool1");
    expect(made).toHaveLength(4);
    expect(made[3]).toMatchObject({ joined: true, bootedClean: true, bootstrapRan: false });
    expect(sandbox.nodes.patchLevel(made[3].nodeName)).toBe("2026-11-16");
    expect((await status()).newNodes).toEqual([
        { image: MONDAY, state: "added", outcome: "capacity 3 → 4", nodes: [made[3].nodeName] },
    ]);
});

test("nothing is added again, and the new node proves the image", async () => {
    await expectUnchanged();
    expect(capacity()).toBe(4);
    const selection = (await stack.resources()).find(({ type }) => type.endsWith(":NodeSelection"));
    expect((selection?.inputs?.versions as Choice[]).map(({ version, proven }) => [version, proven])).toEqual([
        [MONDAY, true],
    ]);
});

test("a run that is killed between the PATCH and its state adds none again, whatever became of the node", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    const running = stack.start("up", "--skip-preview");
    sandbox.azure.faults.watcher = {
        before: () => undefined,
        after: ({ method, path }) => {
            if (method === "PATCH" && /virtualMachineScaleSets\/[^/]+$/.test(path)) {
                killAll(running.pid ?? 0);
                throw new ConnectionReset();
            }
        },
    };
    await running.outcome;
    sandbox.azure.faults.watcher = undefined;
    await sandbox.azure.settled();
    await sandbox.nodes.settled();
    expect([capacity(), mark(), imageOf(sandbox, "pool1")]).toEqual([5, `${TUESDAY}=5`, TUESDAY]);
    expect(await stateOf(TUESDAY)).toBeUndefined();
    expect((await status()).newNodes.at(-1)).toEqual({
        ...{ image: TUESDAY, state: "being added" },
        outcome: "to capacity 5, by an up that is under way or was cut off",
        nodes: [machinesOf(sandbox, "pool1")[4].nodeName],
    });
    (await stack.run("cancel", "--yes")).orFail();
    // The autoscaler did not need it.
    await sandbox.azure.setCapacity(scaleSetOf(sandbox, "pool1").id, 4);
    await sandbox.nodes.settled();
    sandbox.azure.requests.clear();
    const again = await up();
    expect(changesIn(again)).toContain(`create NewUpdatedNodes pool1-${TUESDAY}`);
    expect(linesOf(again, "warning")).toEqual([
        `pool1: no node was added for image ${TUESDAY} (newUpdatedNodes): they were added before, to a capacity of 5 (tag kamino-new-nodes)`,
    ]);
    expect([capacity(), patches()]).toEqual([4, []]);
    await expectUnchanged();
});

test("at the maximum, by the autoscaler's own tags, none is added, and both preview and update say so", async () => {
    await setTags({ min: "1", max: "4" });
    await patch(sandbox, "pool1", 0, "2026-11-18T04:12:00Z");
    const preview = (await stack.preview()).orFail();
    expect(changesIn(preview)).toContain(`create NewUpdatedNodes pool1-${WEDNESDAY}`);
    const none = `image ${WEDNESDAY} (newUpdatedNodes): capacity 4 is the maximum`;
    expect(linesOf(preview)).toEqual([`pool1: no node is added for ${none}`]);
    sandbox.azure.requests.clear();
    const done = await up();
    expect(linesOf(done, "warning")).toEqual([`pool1: no node was added for ${none}`]);
    expect([capacity(), patches(), imageOf(sandbox, "pool1")]).toEqual([4, [], WEDNESDAY]);
    await expectUnchanged();
});

test("fewer are added where there is less room; a write by somebody else in between is not undone", async () => {
    const { name, id } = scaleSetOf(sandbox, "pool1");
    await setTags({ min: "1", max: "6" });
    await configure({ newUpdatedNodes: 3, maxNodes: 10 });
    await patch(sandbox, "pool1", 1, "2026-11-19T04:12:00Z");
    let scaled = false;
    sandbox.azure.faults.watcher = {
        before: async ({ method, path }) => {
            if (!scaled && method === "PATCH" && path.endsWith(`/${name}`)) {
                scaled = true;
                await sandbox.azure.setCapacity(id, 5);
            }
        },
        after: () => undefined,
    };
    const done = await up();
    sandbox.azure.faults.watcher = undefined;
    expect(linesOf(done)).toEqual([
        `pool1: 2 of 3 nodes are added once the model points at image ${THURSDAY} (newUpdatedNodes): capacity 4 → 6, of at most 6`,
        `pool1: adding 1 node made from image ${THURSDAY}: capacity 5 → 6`,
    ]);
    expect([scaled, capacity(), mark()]).toEqual([true, 6, `${THURSDAY}=6`]);
    await sandbox.nodes.settled();
    // What was recorded of an older image's nodes goes with the image.
    sandbox.azure.requests.clear();
    expect(changesIn(await up())).toEqual([
        `delete GalleryImageVersion pool1-${MONDAY}`,
        `delete NewUpdatedNodes pool1-${MONDAY}`,
        `delete OsDiskCapture pool1-${MONDAY}`,
        "update NodeSelection pool1",
    ]);
    expect([capacity(), patches()]).toEqual([6, []]);
    await expectUnchanged();
});

test("without the setting the records leave the stack, and Azure stays as it is", async () => {
    await configure({});
    const done = await up();
    expect(changesIn(done).every((change) => change.startsWith("delete NewUpdatedNodes "))).toBe(true);
    expect(changesIn(done)).not.toEqual([]);
    expect([capacity(), writes(sandbox)]).toEqual([6, []]);
});
