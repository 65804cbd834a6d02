// The bench is a program, which loads what tests share without vitest.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../../sandbox/engine/paths";

test("the bench loads, and names its parts to whom asks for another", () => {
    const program = ["--require", join(repository, "components/engine/typescript.cjs"), "test/bench/main.ts"];
    const { status, stderr } = spawnSync(process.execPath, [...program, "preview"], {
        cwd: repository,
        encoding: "utf8",
    });
    expect({ status, stderr }).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(
            /^Error: "preview" is not a part of the bench; the parts are previews, /,
        ) as string,
    });
});
