// What a person types besides preview and up: `npm run init` on a cluster, `npm run retake` after a rotation.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { parseArmId } from "../../components/azure/ids";
import { computeClient } from "../azure/support";
import type { PoolStatus } from "../../runner/status/show";
import { Scheduled } from "./support/scheduled";
import { Seen } from "./support/seen";

const MINUTE = 60_000;

let scheduled: Scheduled;

/** What an agent of Azure Pipelines takes for a command. Root on a node can have kubelet say it. */
const COMMAND = "##vso[task.setvariable variable=BASH_ENV]/tmp/x";

beforeAll(async () => {
    scheduled = await Scheduled.start(2);
    const release = join(scheduled.vm(1).diskDirectory, "etc/os-release");
    writeFileSync(
        release,
        readFileSync(release, "utf8").replace(/^PRETTY_NAME=.*$/m, `PRETTY_NAME="Ubuntu ${COMMAND}"`),
    );
}, 10 * MINUTE);
afterAll(() => scheduled?.sandbox.stop());

test("npm run init writes the settings of a stack for the pools that fit, and asks before", async () => {
    const { sandbox, prod } = scheduled;
    const file = join(sandbox.directory, "Pulumi.new.yaml");
    const init = (...flags: string[]) =>
        scheduled.npm("init", prod, ["--stack", "new", "--config-file", file, ...flags]);

    const asked = await init();
    expect(asked.exitCode, asked.all).toBe(1);
    expect(asked.all).toMatch(/k8s-pool1-\d+-vmss +2 nodes +fits\n/);
    expect(asked.all).toMatch(/add --yes to go on without a question$/);
    expect(existsSync(file)).toBe(false);

    const done = await init("--yes", "--context", "sandbox");
    expect(done.exitCode, done.all).toBe(0);
    const { resourceGroup, names } = parseArmId(sandbox.azure.scaleSets()[0].id);
    expect(parse(readFileSync(file, "utf8"))).toEqual({
        config: {
            "kamino:resourceGroup": resourceGroup,
            "kamino:context": "sandbox",
            "kamino:pools": [{ scaleSet: names[0] }],
        },
    });

    const again = await init("--yes");
    expect(again.exitCode).toBe(1);
    expect(again.all).toContain("is configured already");
});

test("npm run status says of an up what a preview says, and writes a page of it", async () => {
    const { sandbox, prod } = scheduled;
    await scheduled.patch(1, "2026-11-21T04:12:00Z");
    const { nodeName } = scheduled.vm(1);
    const status = (...flags: string[]) =>
        scheduled.npm("status", prod, ["--stack", "prod", "--config-file", prod.configFile, ...flags]);
    const html = join(sandbox.directory, "status.html");

    const found = await status("--json", "--html", html);
    expect(found.exitCode, found.all).toBe(0);
    const [pool] = JSON.parse(found.stdout) as PoolStatus[];
    expect(pool.next.steps).toEqual([
        `make image 2026.1121.0412 of the OS disk of node ${nodeName}, in place: the node is off for minutes`,
        "point the model at image 2026.1121.0412",
    ]);
    expect(pool.nodes.filter(({ candidate }) => candidate).map(({ name }) => name)).toEqual([nodeName]);
    const preview = await scheduled.npm("preview", prod);
    expect(preview.exitCode, preview.all).toBe(2);
    // A minute may have passed.
    const withoutTime = (text = "") => text.replace(/ready \w+/, "ready");
    expect(withoutTime(preview.all)).toContain(`pool1: ${withoutTime(pool.next.why)}`);
    // What a node says of itself is shown, and commands nobody.
    expect(preview.all).toMatch(/new in it: .*→ Ubuntu \?\?vso\?task\.setvariable/);
    expect(preview.all + found.all).not.toContain("##vso[");

    const page = readFileSync(html, "utf8");
    expect(pool.nodes).toHaveLength(2);
    for (const { name, image } of pool.nodes) {
        expect(page).toContain(`>${name}</td>`);
        expect(pool.images.map((each) => each.image)).toContain(image);
    }
    pool.images.forEach(({ image }) => expect(page).toContain(image));

    const message = "The client does not have authorization to perform action 'Microsoft.Compute/snapshots/read'";
    sandbox.azure.faults.fail({
        ...{ path: /\/snapshots$/, method: "GET", times: 1 },
        ...{ status: 403, code: "AuthorizationFailed", message },
    });
    const forbidden = await status();
    expect(forbidden.exitCode, forbidden.all).toBe(0);
    expect(forbidden.stdout).toMatch(/^ {2}\(whether captures have left snapshots is not known: .*snapshots\/read/m);

    const nowhere = await status("--html", join(sandbox.directory, "none", "status.html"));
    expect(nowhere.exitCode).toBe(1);
    expect(nowhere.all.split("\n").at(-1)).toMatch(/^--html: .* cannot be written: there is no folder .*none$/);
});

test("npm run retake takes a new image although no node was rebooted, asks before, leaves the settings as they are, and is seen", async () => {
    const { prod } = scheduled;
    // Long Ready, and not newer than the image.
    await scheduled.patch(1, "2026-11-20T03:12:00Z");
    const before = { image: scheduled.image(), settings: readFileSync(prod.configFile, "utf8") };
    const retake = (...flags: string[]) =>
        scheduled.npm("retake", prod, ["pool1", "--config-file", prod.configFile, ...flags]);

    const asked = await retake();
    expect(asked.exitCode, asked.all).toBe(1);
    expect(asked.all).toContain("a bump of pool1 is pending");
    expect(asked.all).toMatch(/add --yes to go on without a question$/);
    expect(scheduled.image()).toBe(before.image);

    const seen = await Seen.start(scheduled.sandbox.directory);
    const lists = join(scheduled.sandbox.directory, "lists");
    const flags = ["pool1", "--config-file", prod.configFile, "--yes", "--packages", lists];
    const done = await scheduled.npm("retake", prod, flags, seen.env);
    expect(done.exitCode, done.all).toBe(0);
    expect(done.all).toMatch(/Ubuntu \?\?vso\?task\.setvariable/);
    expect(done.all).not.toContain("##vso[");
    // Images of many pools are made side by side, on however many cores.
    expect(done.all).toMatch(/\$ pulumi up .*--parallel 64 /);
    expect(done.all).toMatch(/pool1: the packages of image \S+ are not written: a capture in place does not list them/);
    expect(scheduled.image()).not.toBe(before.image);
    // The pool has an image already, so how long each of the two takes is known.
    expect(done.all).toMatch(/pool1: capturing node \S+: .* \(\d+s(,| of) (usually )?about \d+s\)/);
    expect(done.all).toMatch(/pool1: Azure is making image \S+ \(0s of about \d+s\)/);
    await seen.expectImage(scheduled.image().split("/").at(-1) ?? "");
    expect(readFileSync(prod.configFile, "utf8")).toBe(before.settings);

    const preview = await scheduled.npm("preview", prod);
    expect(preview.exitCode, preview.all).toBe(0);
});

test("npm run up protects an image in the run after the one that made it, and then has nothing to do", async () => {
    const { prod } = scheduled;
    const retained = async () => {
        const { stdout } = (await prod.run("stack", "output", "pools", "--json")).orFail();
        return (JSON.parse(stdout) as Record<string, { retained: string }>).pool1.retained;
    };
    const version = scheduled.image().split("/").at(-1);
    expect(await retained()).not.toBe(version);
    const ran = [await scheduled.npm("up", prod), await scheduled.npm("up", prod)];
    for (const { exitCode, all } of ran) {
        expect(exitCode, all).toBe(0);
        expect(all).toMatch(/pool1: unchanged, image /);
    }
    expect(ran.map(({ all }) => /^\$ pulumi up /m.test(all))).toEqual([true, false]);
    expect(await retained()).toBe(version);
});

test("npm run status shows which machines were made from which image, and exits with 2 where somebody should look", async () => {
    const { sandbox, prod } = scheduled;
    const status = (...flags: string[]) =>
        scheduled.npm("status", prod, ["--stack", "prod", "--config-file", prod.configFile, ...flags]);
    const scaleSet = sandbox.azure.scaleSets()[0];
    const version = scheduled.image().split("/").at(-1) ?? "";
    await sandbox.azure.setCapacity(scaleSet.id, 3);
    await sandbox.nodes.settled();

    const first = await status();
    expect(first.exitCode, first.all).toBe(0);
    expect(first.stdout).toMatch(new RegExp(`^  \\* ${version} +\\S+ +1 +1 +unproven +k8s-pool1-`, "m"));
    expect(first.stdout).toMatch(/^ {4}microsoft-aks:aks:\S+ +2 +2$/m);

    const { virtualMachineScaleSets } = computeClient(sandbox.azure);
    const { resourceGroup, name } = scaleSet;
    const model = await virtualMachineScaleSets.get(resourceGroup, name);
    const { imageReference } = model.virtualMachineProfile!.storageProfile!;
    const marketplace = { publisher: "microsoft-aks", offer: "aks", sku: "aks-engine-ubuntu-1804-202112" };
    model.virtualMachineProfile!.storageProfile!.imageReference = { ...marketplace, version: "2021.12.07" };
    await virtualMachineScaleSets.createOrUpdate(resourceGroup, name, { ...model, overprovision: true });
    const changed = await status("--json");
    expect(changed.exitCode, changed.all).toBe(2);
    expect(JSON.parse(changed.stdout)).toMatchObject([
        {
            pool: "pool1",
            attention: [
                expect.stringMatching(/^new machines start from microsoft-aks:.*: somebody else has changed it$/),
                "overprovision was changed from false to true: somebody else has changed it",
            ],
            next: { stops: expect.stringContaining("kamino:onForeignChange is stop") as string },
        },
    ]);
    model.virtualMachineProfile!.storageProfile!.imageReference = imageReference;
    await virtualMachineScaleSets.createOrUpdate(resourceGroup, name, model);

    const wrong = await status("--soon");
    expect([wrong.exitCode, wrong.all]).toEqual([1, "Unknown option '--soon'; see --help"]);
});

test("a pool that the stack does not have is refused in one line", async () => {
    const file = join(scheduled.sandbox.directory, "Pulumi.empty.yaml");
    writeFileSync(file, "config: {}\n");
    const { exitCode, all } = await scheduled.npm("retake", scheduled.prod, ["pool9", "--config-file", file]);
    expect(exitCode).toBe(1);
    expect(all.split("\n").at(-1)).toBe(`--retake: there is no pool "pool9" in ${file}; its pools: none`);
});

test("npm run preview and npm run up show what somebody else has changed of a model, and stop", async () => {
    const { prod, sandbox } = scheduled;
    const { virtualMachineScaleSets } = computeClient(sandbox.azure);
    const { resourceGroup, names } = parseArmId(sandbox.azure.scaleSets()[0].id);
    const model = await virtualMachineScaleSets.get(resourceGroup, names[0]);
    model.virtualMachineProfile!.storageProfile!.imageReference = {
        ...{ publisher: "microsoft-aks", offer: "aks" },
        ...{ sku: "aks-engine-ubuntu-1804-202112", version: "2021.12.07" },
    };
    await virtualMachineScaleSets.createOrUpdate(resourceGroup, names[0], model);
    sandbox.azure.requests.clear();

    const preview = await scheduled.npm("preview", prod);
    const up = await scheduled.npm("up", prod);
    for (const { exitCode, all } of [preview, up]) {
        expect(exitCode, all).toBe(1);
        expect(all).toMatch(
            /image was changed from .* since the last run.*the run stops here: set kamino:onForeignChange/,
        );
        expect(all).not.toMatch(/^\s+at .*:\d+:\d+/m);
    }
    expect(preview.all).toMatch(/ForeignChanges/);
    expect(sandbox.azure.requests.writes()).toEqual([]);
});
