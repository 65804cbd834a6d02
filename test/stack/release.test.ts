// A pool leaves its stack: its scale set stays in Azure, with the image that new nodes start from.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { join } from "node:path";
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { changesIn, imageOf, patch, poolStack, scaleSetOf, versionsInGallery, writes } from "./support/pools";

const MINUTE = 60_000;
const PACK = ["--policy-pack", join(repository, "policies")];
const [FIRST, SECOND, THIRD, FOURTH] = ["2026.1116.0412", "2026.1117.0412", "2026.1118.0412", "2026.1119.0412"];

let sandbox: Sandbox;
let stack: Stack;

beforeAll(async () => {
    const pools = ["pool2", "pool3"].map((name) => ({ name, capacity: 3 }));
    sandbox = await startSandbox({ pools });
    stack = await poolStack(sandbox, ["pool2", "pool3"], { capture: "copy", maxHistory: 2 });
    await Promise.all(["pool2", "pool3"].map((pool) => patch(sandbox, pool, 0, "2026-11-16T04:12:00Z")));
    await update();
    await update();
    await patch(sandbox, "pool2", 1, "2026-11-17T04:12:00Z");
    await update();
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());
beforeEach(() => sandbox.azure.requests.clear());

const update = async () => (await stack.up("--skip-preview", ...PACK)).orFail();
const configured = (...pools: string[]) =>
    stack.configure({ pools: pools.map((name) => ({ name, scaleSet: scaleSetOf(sandbox, name).name })) });
const deleted = () => writes(sandbox).filter((write) => write.startsWith("DELETE") && !/snapshots|disks/.test(write));
const errorsOf = async () => {
    const refused = await stack.preview(...PACK);
    expect(refused.exitCode).not.toBe(0);
    return refused.messages("error");
};

test("a pool under another name is refused with the name to keep", async () => {
    const { name: scaleSet } = scaleSetOf(sandbox, "pool2");
    const others = [{ name: "pool3", scaleSet: scaleSetOf(sandbox, "pool3").name }];
    await stack.configure({ pools: [{ name: "workers", scaleSet }, ...others] });
    expect(await errorsOf()).toEqual([
        expect.stringMatching(
            `^kamino:pools\\[0\\].scaleSet: scale set "${scaleSet}" was pool "pool2" until now, not "workers": keep \`name: pool2\``,
        ),
    ]);
});

test("a pool that is given another scale set is refused, and told that the new one needs a name", async () => {
    const [one, other] = ["pool2", "pool3"].map((pool) => scaleSetOf(sandbox, pool).name);
    sandbox.azure.requests.clear();
    await stack.configure({
        pools: [
            { name: "pool2", scaleSet: "another" },
            { name: "pool3", scaleSet: other },
        ],
    });
    expect(await errorsOf()).toEqual([
        expect.stringMatching(
            `^kamino:pools\\[0\\].scaleSet: pool "pool2" was scale set "${one}" until now, not scale set "another": give `,
        ),
    ]);
});

test("a pool whose newest image was made by the last update leaves only after another one", async () => {
    await configured("pool3");
    expect(await errorsOf()).toEqual([
        expect.stringMatching(`^kamino:pools: pool "pool2" cannot leave the stack yet: .*${SECOND}`),
    ]);
    const up = await stack.up("--skip-preview", ...PACK);
    expect(up.exitCode).not.toBe(0);
    expect(deleted()).toEqual([]);
});

test("a pool that leaves by what the preview says keeps its scale set and its image in Azure", async () => {
    await configured("pool2", "pool3");
    await update();
    await configured("pool3");
    const refused = await stack.preview(...PACK);
    const line = refused.messages("warning").find((message) => message.startsWith("pool2 leaves the stack"))!;
    expect(line).toContain(`scale set "${scaleSetOf(sandbox, "pool2").name}" and image ${SECOND} stay in Azure`);
    const urns = [...line.matchAll(/'(urn:[^']+)'/g)].map(([, urn]) => urn);
    (await stack.run("state", "unprotect", ...urns, "--yes")).orFail();
    const preview = (await stack.preview(...PACK)).orFail();
    expect(changesIn(preview)).toContain("delete VirtualMachineScaleSet pool2");
    await update();
    expect(deleted()).toEqual([`DELETE versions/${FIRST}`]);
    expect(await versionsInGallery(sandbox, "pool2")).toEqual([SECOND]);
    expect(imageOf(sandbox, "pool2")).toBe(SECOND);
    const { id, capacity } = scaleSetOf(sandbox, "pool2") as { id: string; capacity?: number };
    await sandbox.azure.setCapacity(id, (capacity ?? 3) + 1);
    await sandbox.nodes.settled();
    expect(changesIn((await stack.preview(...PACK)).orFail())).toEqual([]);
});

test("a pool that comes back is adopted again, and bumped by its next reboot", async () => {
    await configured("pool2", "pool3");
    const preview = (await stack.preview(...PACK)).orFail();
    expect(changesIn(preview)).toEqual(
        expect.arrayContaining(["import GalleryImage pool2", "import VirtualMachineScaleSet pool2"]),
    );
    await update();
    await patch(sandbox, "pool2", 2, "2026-11-18T04:12:00Z");
    await update();
    expect(imageOf(sandbox, "pool2")).toBe(THIRD);
    expect(await versionsInGallery(sandbox, "pool2")).toEqual([SECOND, THIRD]);
});

test("a version that went out of use is still deleted once it is too many", async () => {
    await patch(sandbox, "pool3", 1, "2026-11-17T04:12:00Z");
    await update();
    await patch(sandbox, "pool3", 2, "2026-11-18T04:12:00Z");
    await update();
    await patch(sandbox, "pool3", 0, "2026-11-19T04:12:00Z");
    await update();
    await update();
    expect(await versionsInGallery(sandbox, "pool3")).toEqual([THIRD, FOURTH]);
    expect(deleted()).toEqual([`DELETE versions/${FIRST}`, `DELETE versions/${SECOND}`]);
});

test("a pool does not leave after an update that failed, which has let go of the image in use", async () => {
    const used = imageOf(sandbox, "pool3")!;
    await patch(sandbox, "pool3", 1, "2026-11-20T04:12:00Z");
    const faults = {
        path: /versions\/2026\.1120/,
        method: "PUT",
        times: 1,
        code: "QuotaExceeded",
        message: "no quota",
    };
    sandbox.azure.faults.failOperation(faults);
    const failed = await stack.up("--skip-preview", ...PACK);
    expect(failed.output).toContain("no quota");
    await configured("pool2");
    expect(await errorsOf()).toEqual([
        expect.stringMatching(`^kamino:pools: pool "pool3" cannot leave the stack yet: .*${used}`),
    ]);
});
