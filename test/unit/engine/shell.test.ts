// What the engine writes into the state of every dynamic resource: how to load a provider, and nothing of it.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Serialised by the SDK itself in a process like the program's. */
function serialised(module: string): string {
    const code = `
        const { runtime } = require("@pulumi/pulumi");
        const provider = require("./components/engine/shell").shell(${JSON.stringify(module)});
        runtime.serializeFunction(() => provider, {}).then(({ text }) => process.stdout.write(text));`;
    return execFileSync(process.execPath, ["--require", "./components/engine/typescript.cjs", "--eval", code], {
        cwd: join(__dirname, "../../.."),
        encoding: "utf8",
    });
}

test("the serialised provider is small, the same every time, and names its module", () => {
    const text = serialised("components/capture/provider");
    expect(text).toBe(serialised("components/capture/provider"));
    expect(text.length).toBeLessThan(3000);
    expect(text).toContain('"components/capture/provider"');
    expect(text).not.toMatch(/arm-compute|client-node|credential|process\.env/i);
});
