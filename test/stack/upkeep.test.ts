// An up that does only what needs no review: nodes come back from captures that died, an image in use is protected, and
// no bump is made.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { JOURNAL } from "../../components/capture/journal";
import { heard, IN_SERVICE, inputsFor, serviceOf, startCapture } from "./support/capture";
import { expectInService } from "./support/inService";
import { Scheduled } from "./support/scheduled";

const MINUTE = 60_000;

let scheduled: Scheduled;

beforeAll(async () => {
    scheduled = await Scheduled.start(4);
}, 10 * MINUTE);
afterAll(() => scheduled?.sandbox.stop());

/** The version that the state protects, as the stack says it. */
async function retained(): Promise<string> {
    const { stdout } = (await scheduled.prod.run("stack", "output", "pools", "--json")).orFail();
    return (JSON.parse(stdout) as Record<string, { retained: string }>).pool1.retained;
}

const version = () => scheduled.image().split("/").at(-1) ?? "";
const settings = () => ["--stack", "prod", "--config-file", scheduled.prod.configFile];
const upkeep = () => scheduled.npm("up", scheduled.prod, [...settings(), "--upkeep"]);

/** Leaves a node as a capture does that dies in the middle. */
async function abandon(vm: Vm): Promise<void> {
    const { sandbox } = scheduled;
    sandbox.azure.faults.delay({ path: /\/snapshots\//, method: "PUT", times: 1, milliseconds: 1000 });
    const running = startCapture(sandbox, inputsFor(sandbox, vm));
    await heard(running, "taking a snapshot");
    running.kill("SIGKILL");
    await running.result;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const left = await serviceOf(sandbox, vm);
    expect(left).toMatchObject({ power: "stopped", cordoned: true });
    expect(Object.keys(left.annotations)).toContain(JOURNAL);
}

test("where no bump is pending the image in use is protected, once", async () => {
    await scheduled.patch(1, "2026-11-21T04:12:00Z");
    const bump = await scheduled.npm("up", scheduled.prod, settings());
    expect(bump.exitCode, bump.all).toBe(0);
    expect(version()).toBe("2026.1121.0412");
    expect(await retained()).not.toBe(version());
    const ran = [await upkeep(), await upkeep()];
    for (const { exitCode, all } of ran) {
        expect(exitCode, all).toBe(0);
    }
    expect(ran.map(({ all }) => /^\$ pulumi up /m.test(all))).toEqual([true, false]);
    expect(await retained()).toBe(version());
});

test("where a bump is pending every node comes back, and the bump is left for review", async () => {
    const { sandbox } = scheduled;
    const before = scheduled.image();
    await scheduled.patch(3, "2026-11-22T04:12:00Z");
    const abandoned = [scheduled.vm(0), scheduled.vm(2)];
    for (const vm of abandoned) {
        await abandon(vm);
    }

    const { exitCode, all } = await upkeep();
    expect(exitCode, all).toBe(0);
    for (const vm of abandoned) {
        await expectInService(sandbox, vm);
        expect(await serviceOf(sandbox, vm)).toMatchObject(IN_SERVICE);
        expect(all).toMatch(new RegExp(`^- ${vm.nodeName}$`, "m"));
    }
    expect(all).toMatch(/^## prod: a bump of pool1 is pending$/m);
    expect(all).toContain("Nothing of this is done: it is left for review");
    expect(all).not.toMatch(/^\$ pulumi up /m);
    expect(scheduled.image()).toBe(before);
});

test("a node that cannot be restored is an error, and the others come back", async () => {
    const { sandbox } = scheduled;
    const [stays, comes] = [scheduled.vm(0), scheduled.vm(2)];
    await abandon(stays);
    await abandon(comes);
    const path = new RegExp(`${stays.id}/start$`, "i");
    sandbox.azure.faults.fail({ path, method: "POST", status: 403, code: "AuthorizationFailed", message: "no right" });
    const { exitCode, all } = await upkeep();
    sandbox.azure.faults.clear();
    expect(exitCode, all).toBe(1);
    expect(all).toMatch(/^## prod: up failed$/m);
    expect(all).toMatch(
        new RegExp(`^- node ${stays.nodeName} was left by an interrupted capture and cannot be rest.*no right`, "m"),
    );
    await expectInService(sandbox, comes);

    const { exitCode: again } = await upkeep();
    expect(again).toBe(0);
    await expectInService(sandbox, stays);
});
