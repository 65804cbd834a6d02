// What the engine writes into the state of every dynamic resource: how to load a provider, and nothing of it.
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
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
