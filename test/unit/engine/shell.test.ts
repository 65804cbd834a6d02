// What the engine writes into the state of every dynamic resource: how to load a provider, and nothing of it.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { providers } from "../../../components/providers";
import { shell } from "../../../components/engine/shell";
import { repository } from "../../../sandbox/engine/paths";

test("the code in a state is small, the same every time, and names its module", () => {
    const text = shell("components/capture/provider");
    expect(text).toBe(shell("components/capture/provider"));
    expect(text.length).toBeLessThan(1000);
    expect(text).toContain('"components/capture/provider"');
    expect(text).not.toMatch(/arm-compute|client-node|credential|process\.env/i);
});

test.each(Object.entries(providers))("%s has all that a state's code calls", (_module, provider) => {
    const functions = ["configure", "check", "diff", "create", "read", "update", "delete"];
    expect(Object.keys(provider).sort()).toEqual(functions.sort());
});

test("the code in a state calls the module's functions in a process of Pulumi's own", () => {
    const news = { pool: "pool1", onForeignChange: "stop", changes: {}, rewrite: true };
    // The engine's process of dynamic resources knows nothing of this project but its folder.
    const code = `
        const provider = require("require-from-string")(${JSON.stringify(shell("components/pool/foreignChangesProvider"))}).handler();
        provider.check({ writes: 2 }, ${JSON.stringify(news)}).then((checked) => console.log(JSON.stringify(checked)));`;
    const said = execFileSync(process.execPath, ["--eval", code], { cwd: repository, encoding: "utf8" });
    expect(JSON.parse(said)).toEqual({
        inputs: { pool: "pool1", onForeignChange: "stop", changes: {}, writes: 3 },
    });
});

describe("the code in a state", () => {
    const code = (module: string, calls: string) =>
        `const provider = require("require-from-string")(${JSON.stringify(shell(module))}).handler();${calls}`;
    const modules = { NODE_PATH: join(repository, "node_modules") };
    let elsewhere: string;
    beforeAll(() => void (elsewhere = realpathSync(mkdtempSync(join(tmpdir(), "another program ")))));
    afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

    test.each(["check({}, {})", 'diff("id", {}, {})', 'read("id", {})', 'delete("id", {})'])(
        "says in one line where its command must be run, where the program is not: %s",
        (call) => {
            const calls = `try { provider.${call}; } catch ({ message, stack }) { console.log(JSON.stringify({ message, stack })); }`;
            const said = execFileSync(process.execPath, ["--eval", code("components/capture/provider", calls)], {
                ...{ cwd: elsewhere, encoding: "utf8", env: { ...process.env, ...modules } },
            });
            expect(JSON.parse(said)).toEqual({
                message: `kamino's program is not in the folder "${elsewhere}": run this command in its checkout, or with --cwd`,
                stack: "",
            });
        },
    );

    test("names no folder itself, so that it is the same on each machine", () => {
        expect(shell("components/capture/provider")).not.toContain(repository);
    });

    test("says what is missing as Node does, where the program is there", () => {
        mkdirSync(join(elsewhere, "components", "engine"), { recursive: true });
        writeFileSync(join(elsewhere, "components", "engine", "typescript.cjs"), 'require("not-installed");');
        const calls = `try { provider.delete("id", {}); } catch ({ message }) { console.log(message); }`;
        const said = execFileSync(process.execPath, ["--eval", code("components/capture/provider", calls)], {
            ...{ cwd: elsewhere, encoding: "utf8", env: { ...process.env, ...modules } },
        });
        expect(said).toMatch(/^Cannot find module 'not-installed'/);
    });
});

/** States of each kind of dynamic resource, as far as its provider compares them. */
const STATES: Record<string, object> = {
    "components/capi/infrastructureRefProvider": {
        machines: "MachineSet a/b",
        infrastructureRef: { name: "t" },
        writes: 1,
    },
    "components/capi/machinePoolImageProvider": { machinePool: "a/b", computeGallery: { version: "1.0.0" }, writes: 1 },
    "components/capi/machineTemplateProvider": { template: "t", computeGallery: { version: "1.0.0" } },
    "components/capture/provider": { version: "1.0.0", node: "n", instanceId: "1", scaleSetId: "/s" },
    "components/pool/foreignChangesProvider": { pool: "p", changes: {}, writes: 1 },
    "components/pool/newUpdatedNodesProvider": { pool: "p", version: "1.0.0" },
    "components/selection/provider": { pool: "p", current: "1.0.0", nodesToRecover: [], versions: [] },
};

type Diff = (id: string, olds: object, news: object) => Promise<{ changes?: boolean }>;

test.each(Object.entries(providers))("to %s another way than the state has is no change", async (module, { diff }) => {
    const [olds, news] = ["exports.handler = earlier", shell(module)].map((__provider) => ({
        ...STATES[module],
        __provider,
    }));
    expect(await (diff as Diff)("id", olds, news)).toMatchObject({ changes: false });
});
