// The policy pack under the real engine, in preview and in up: one pool's story against a local Azure, step by step.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure";
import { repository } from "../../sandbox/engine/paths";
import { Stack } from "../../sandbox/engine/stack";
import { computeClient, startForTest } from "../azure/support";
import { newRunDirectory, removeRunDirectories } from "../engine/stack";
import type { Wanted } from "./program/wanted";

const PACK = ["--policy-pack", join(repository, "policies")];

let azure: AzureSandbox;
let close: () => Promise<void>;
let stack: Stack;
let pool: ScaleSet;
let configFile: string;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    pool = await azure.createScaleSet({ name: "pool1", capacity: 1 });
    const runDirectory = newRunDirectory();
    configFile = join(runDirectory, "policies.json");
    const program = join(__dirname, "program");
    stack = await Stack.create({ runDirectory, program, env: { ...process.env, ...azure.env } });
});
afterAll(async () => {
    await close();
    removeRunDirectories();
});
beforeEach(() => azure.requests.clear());

/** Says what the next command's program declares. */
function declare(wanted: Omit<Wanted, "resourceGroup" | "scaleSet">): Promise<void> {
    return stack.configure({ wanted: { resourceGroup: pool.resourceGroup, scaleSet: pool.name, ...wanted } });
}

/** What was written to Azure since the test began. */
function writes(path = /Microsoft\.Compute/): string[] {
    return azure.requests
        .writes()
        .filter(({ path: asked }) => path.test(asked))
        .map(({ method, path: asked }) => `${method} ${asked.split("/").at(-1)}`);
}

async function snapshotOfNode(): Promise<string> {
    const [vm] = azure.vms(pool.id);
    const snapshot = await computeClient(azure).snapshots.createOrUpdate(pool.resourceGroup, "pool1-snapshot", {
        location: "westeurope",
        creationData: { createOption: "Copy", sourceResourceId: vm.osDiskId },
        incremental: true,
    });
    return snapshot.id ?? "";
}

describe.sequential("one pool under the pack", () => {
    let snapshot: string;

    it("is let through when it is adopted with its old model, and the run says why", async () => {
        snapshot = await snapshotOfNode();
        azure.requests.clear();
        await declare({ asItIs: true });
        const adopted = (await stack.up(...PACK)).orFail();
        expect(adopted.changes).toContain("import pool1");
        expect(adopted.output).toContain("pool1 is let through: this run takes the pool into the stack as it is");
        expect(writes()).toEqual([]);
    });

    it("is refused in the run after it if it is still declared as it is", async () => {
        const outcome = await stack.up(...PACK);
        expect(outcome.exitCode).not.toBe(0);
        expect(outcome.output).toMatch(/\[mandatory\] {2}scale-set-adopted-once[^]*was adopted before/);
        expect(writes()).toEqual([]);
    });

    it("is refused by preview and by up, before anything is written, when its model would roll out", async () => {
        await declare({
            version: "1.0.0",
            versions: ["1.0.0"],
            snapshot,
            model: { upgradePolicy: { mode: "Automatic" } },
        });
        for (const outcome of [await stack.preview(...PACK), await stack.up(...PACK)]) {
            expect(outcome.exitCode).not.toBe(0);
            expect(outcome.output).toMatch(/\[mandatory\] {2}scale-set-manual-upgrades[^]*is Automatic/);
        }
        expect(writes()).toEqual([]);
    });

    it("is warned of in a preview that does not know its image, and refused by the up that does", async () => {
        await declare({});
        const preview = (await stack.preview(...PACK)).orFail();
        expect(preview.output).toMatch(/\[advisory\] {2}scale-set-image-pinned[^]*can't be known during preview/);
        const up = await stack.up(...PACK);
        expect(up.exitCode).not.toBe(0);
        expect(up.output).toMatch(/\[mandatory\] {2}scale-set-image-pinned[^]*must be the id of one version/);
        expect(writes(/virtualMachineScaleSets/)).toEqual([]);
    });

    it("is refused before its model is written even by an up that skips its preview", async () => {
        await declare({ version: "1.0.0", model: { upgradePolicy: { mode: "Automatic" } } });
        const outcome = await stack.up("--skip-preview", ...PACK);
        expect(outcome.exitCode).not.toBe(0);
        expect(outcome.output).toContain("scale-set-manual-upgrades");
        expect(writes(/virtualMachineScaleSets/)).toEqual([]);
    });

    it("passes with one image version from a capture, and nothing else", async () => {
        await declare({ version: "1.0.0", versions: ["1.0.0"], snapshot });
        const up = (await stack.up(...PACK)).orFail();
        expect(up.output).toContain("✅ kamino@");
        expect(up.changes).toContain("update pool1");
        expect(writes(/virtualMachineScaleSets/)).toHaveLength(1);
    });

    it("is refused when the image version that its model points at would leave the stack", async () => {
        // The engine itself refuses while the version is protected; the policy holds where someone took that away.
        (await stack.run("state", "unprotect", "--all", "--yes")).orFail();
        await declare({ version: "1.0.0" });
        const outcome = await stack.up(...PACK);
        expect(outcome.exitCode).not.toBe(0);
        expect(outcome.output).toMatch(/\[mandatory\] {2}image-version-in-use-stays[^]*it must stay in the stack/);
        expect(writes()).toEqual([]);
    });

    it("is advised against when drift rides along with a bump, and refused if so configured", async () => {
        const tags = { ...(pool.model.tags as Record<string, string>), owner: "someone else" };
        await computeClient(azure).virtualMachineScaleSets.update(pool.resourceGroup, pool.name, { tags });
        azure.requests.clear();
        await declare({ version: "2.0.0", versions: ["1.0.0", "2.0.0"], snapshot });
        const advised = (await stack.preview(...PACK)).orFail();
        expect(advised.output).toMatch(/\[advisory\] {2}bump-changes-image-only[^]*change as well: tags\./);

        writeFileSync(configFile, JSON.stringify({ "bump-changes-image-only": "mandatory" }));
        const refused = await stack.up(...PACK, "--policy-pack-config", configFile);
        expect(refused.exitCode).not.toBe(0);
        expect(refused.output).toMatch(/\[mandatory\] {2}bump-changes-image-only/);
        expect(writes()).toEqual([]);
    });

    it("passes if the option says that the part may change with a bump", async () => {
        const options = { enforcementLevel: "mandatory", mayChange: ["tags"] };
        writeFileSync(configFile, JSON.stringify({ "bump-changes-image-only": options }));
        const preview = (await stack.preview(...PACK, "--policy-pack-config", configFile)).orFail();
        expect(preview.output).not.toContain("bump-changes-image-only");
    });

    it("is refused with something beside it of a type that the program never declares, unless the options name it", async () => {
        await declare({ version: "2.0.0", versions: ["1.0.0", "2.0.0"], snapshot, disk: "beside" });
        const refused = await stack.up("--skip-preview", ...PACK);
        expect(refused.exitCode).not.toBe(0);
        expect(refused.output).toMatch(
            /\[mandatory\] {2}only-known-types[^]*azure-native:compute:Disk is not a type that this program declares/,
        );
        expect(writes(/disks/)).toEqual([]);

        writeFileSync(configFile, JSON.stringify({ "only-known-types": { allowed: ["azure-native:compute:Disk"] } }));
        const preview = (await stack.preview(...PACK, "--policy-pack-config", configFile)).orFail();
        expect(preview.changes).toContain("create beside");
        expect(preview.output).not.toContain("only-known-types");
    });

    it.each([
        ["image-version-replicas", { minimum: "two" }],
        ["only-known-types", { allowed: ["random:*:RandomPet"] }],
    ])("says in one line that an option of %s makes no sense", async (policy, options) => {
        writeFileSync(configFile, JSON.stringify({ [policy]: options }));
        const outcome = await stack.preview(...PACK, "--policy-pack-config", configFile);
        expect(outcome.exitCode).not.toBe(0);
        expect(outcome.output).toContain(policy);
        expect(outcome.output).not.toContain("    at ");
    });
});
