// What a copy's cleaning says of the disk: the system, and how its packages differ from those of the image before.
import { expect, test } from "vitest";
import { describeChanges } from "../../../components/capture/copy/packages";
import { readReport } from "../../../components/capture/copy/volume";

test.each([
    [{ added: 0, gone: 0, changed: 0, names: [] }, "packages as in the image before"],
    [
        { added: 1, gone: 1, changed: 1, names: ["=libc6 2.35 2.36", "+vim 9.0", "-old 1.0"] },
        "packages since the image before: 1 added, 1 removed, 1 changed (libc6 2.35 → 2.36, + vim 9.0, - old 1.0)",
    ],
    [
        { added: 0, gone: 0, changed: 14, names: ["=libc6 2.35 2.36", "=vim 9.0 2:9.0"] },
        "packages since the image before: 14 changed (libc6 2.35 → 2.36, vim 9.0 → 2:9.0 and 12 more)",
    ],
])("%o", (changes, text) => {
    expect(describeChanges(changes)).toBe(text);
});

test("names that the disk gave are shown as names, whatever is written there", () => {
    const evil = "##vso[task.setvariable variable=BASH_ENV]/x";
    const names = [`+${evil} 1`, "\n::stop-commands::x 1"];
    expect(describeChanges({ added: 1, gone: 1, changed: 0, names })).toMatch(/^[\w .:,+/?()→-]+$/);

    const digest = `sha256:${"0".repeat(64)}`;
    const result = {
        cleaned: "2026.1122.0412",
        digest,
        kind: "own",
        os: `Ubuntu ${evil}`,
        kernel: "5.15.0-1103-azure",
    };
    expect(readReport(JSON.stringify(result), { version: "2026.1122.0412" })).toMatchObject({
        ...{
            os: "Ubuntu ??vso?task.setvariable variable?BASH_ENV?/x",
            kernel: "5.15.0-1103-azure",
            kind: "own",
            digest,
        },
    });
});
