// What make says before it does anything on a machine that cannot do it.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, expect, test } from "vitest";
import { newRunDirectory, removeRunDirectories } from "./stack";

afterAll(removeRunDirectories);

const script = path.join(__dirname, "..", "..", "sandbox", "engine", "requirements.sh");

/** Runs the check on a machine whose `node` and `go` report these versions; undefined: it has none. */
function check(node: string | undefined, go: string | undefined) {
    const bin = newRunDirectory();
    // All that the check itself uses.
    for (const tool of ["sh", "sort", "sed", "head"]) {
        const found = (process.env.PATH ?? "").split(path.delimiter).map((directory) => path.join(directory, tool));
        fs.symlinkSync(found.find((file) => fs.existsSync(file)) ?? "", path.join(bin, tool));
    }
    for (const [name, version] of Object.entries({ node, go })) {
        if (version !== undefined) {
            fs.writeFileSync(path.join(bin, name), `#!/bin/sh\necho ${version}\n`, {
                mode: 0o755,
            });
        }
    }
    const { status, stdout, stderr } = spawnSync(path.join(bin, "sh"), [script], {
        env: { PATH: bin },
        encoding: "utf8",
    });
    return { status, said: (stdout + stderr).trim() };
}

test("nothing is said when Node and Go are new enough", () => {
    expect(check("20.19.0", "go1.26")).toEqual({ status: 0, said: "" });
    expect(check("24.1.0", "go1.27rc1")).toEqual({ status: 0, said: "" });
});

test.each([
    ["18.20.8", "go1.26.1", "kamino needs Node 20.19 or later, and the one on the PATH is 18.20.8: "],
    ["20.9.0", "go1.26.1", "kamino needs Node 20.19 or later, and the one on the PATH is 20.9.0: "],
    [undefined, "go1.26.1", "kamino needs Node 20.19 or later, and there is none on the PATH: "],
    ["22.0.0", "go1.9", "kamino needs Go 1.26 or later, and the one on the PATH is 1.9: "],
    ["22.0.0", undefined, "kamino needs Go 1.26 or later, and there is none on the PATH: "],
])("with Node %s and Go %s it is one line", (node, go, line) => {
    const { status, said } = check(node, go);
    expect(status).toBe(1);
    expect(said.split("\n")).toHaveLength(1);
    expect(said).toContain(line);
});
