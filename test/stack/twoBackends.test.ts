// Two runs of one stack at once, from two backends that do not know of each other: one image, and nothing left.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { leftoversOf } from "../faults/leftovers";
import { imageOf, machinesOf, patch, poolStack, versionsInGallery, writes } from "./support/pools";

const MINUTE = 60_000;
const [MONDAY, TUESDAY, WEDNESDAY] = ["2026.1116.0412", "2026.1117.0412", "2026.1118.0412"];

let sandbox: Sandbox;
let stacks: Stack[];

beforeAll(async () => {
    sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 4 }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    const first = await poolStack(sandbox, ["pool1"], { capture: "copy" });
    (await first.up("--skip-preview")).orFail();
    (await first.up("--skip-preview")).orFail();
    const directory = join(sandbox.directory, "elsewhere");
    mkdirSync(directory);
    const second = await poolStack({ ...sandbox, directory }, ["pool1"], { capture: "copy" });
    const state = join(directory, "state.json");
    writeFileSync(state, (await first.run("stack", "export")).orFail().stdout);
    (await second.run("stack", "import", "--file", state)).orFail();
    stacks = [first, second];
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

const ofVersion = (version: string) => writes(sandbox).filter((write) => write.endsWith(`versions/${version}`));

test("a version that one run makes and points its model at is left alone by the other run, which says why it stops", async () => {
    await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
    sandbox.azure.faults.neverEnd({ path: /\/versions\//, method: "PUT", times: 1 });
    const first = stacks[0].start("up", "--skip-preview");
    await expect.poll(() => writes(sandbox), { timeout: MINUTE }).toContain(`PUT versions/${TUESDAY}`);
    // The other one looks at the version, and learns only after the first has finished what it is.
    sandbox.azure.faults.delay({
        path: new RegExp(`/versions/${TUESDAY}$`),
        method: "GET",
        times: 1,
        milliseconds: MINUTE,
    });
    const second = stacks[1].start("up", "--skip-preview");
    await second.said("was captured by an earlier run already");
    sandbox.azure.faults.clear();
    (await first.outcome).orFail();
    const other = await second.outcome;
    expect(other.exitCode).not.toBe(0);
    expect(other.messages("error").join("\n")).toContain(
        `image version ${TUESDAY} was made by another run meanwhile, and the pool starts machines from it: it is left alone`,
    );
    expect(ofVersion(TUESDAY)).toEqual([`PUT versions/${TUESDAY}`]);
    expect(imageOf(sandbox, "pool1")).toBe(TUESDAY);
});

test("one that it could not make anew is left alone as well, with what a person can do", async () => {
    await patch(sandbox, "pool1", 2, "2026-11-18T04:12:00Z");
    const machines = machinesOf(sandbox, "pool1").map(({ instanceId }) => instanceId);
    (await stacks[0].up("--skip-preview")).orFail();
    const other = await stacks[1].up("--skip-preview");
    expect(other.messages("error").join("\n")).toContain(
        `image version ${TUESDAY} was made by another run, and what it was made of is gone: delete it from its gallery if no model points at it`,
    );
    expect(imageOf(sandbox, "pool1")).toBe(WEDNESDAY);
    expect(await versionsInGallery(sandbox, "pool1")).toEqual([MONDAY, TUESDAY, WEDNESDAY]);
    expect(await leftoversOf(sandbox, "pool1", machines)).toEqual([]);
});
