// How an image's packages differ from those of the image before, in words.
import { expect, test } from "vitest";
import { describeChanges } from "../../../components/capture/copy/packages";

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
