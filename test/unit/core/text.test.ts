// Shortening texts, and printing those of others.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainName, safeToPrint, truncate } from "../../../components/core/text";

test.each([
    ["short", 5, "short"],
    ["longer", 5, "long…"],
    ["", 0, ""],
    ["longer", 0, "…"],
])("%j in %i characters is %j", (text, longest, expected) => {
    expect(truncate(text, longest)).toBe(expected);
});

test("a truncated text stays as it is when it is truncated again, and is never longer than it may be", () => {
    fc.assert(
        fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), (text, longest) => {
            const once = truncate(text, longest);
            expect(once.length).toBeLessThanOrEqual(longest);
            expect(truncate(once, longest)).toBe(once);
        }),
    );
});

/** Whether a CI service finds a command in a text: it skips what nobody sees, and splits it at any line end. */
function hasCommand(text: string): boolean {
    const seen = text.replace(/[^\n\r\P{Cc}]|[\p{Cf}\u034f\ufe0f]/gu, "");
    return /##vso\[|##\[/i.test(seen) || seen.split(/[\n\r]/).some((line) => line.trimStart().startsWith("::"));
}

describe("text from elsewhere", () => {
    const command = "##vso[task.setvariable variable=BASH_ENV]/tmp/x";

    test.each([
        ["a command of Azure Pipelines", command, "# #vso[task.setvariable variable=BASH_ENV]/tmp/x"],
        ["one in the middle of a line", `5.15 ${command}`, "5.15 # #vso[task.setvariable variable=BASH_ENV]/tmp/x"],
        ["one after a third sign", `#${command}`, "## #vso[task.setvariable variable=BASH_ENV]/tmp/x"],
        ["one in capitals", "##VSO[a.b]", "# #VSO[a.b]"],
        ["one that is held together by what nobody sees", "#\u200b#v\u00ads\ufe0fo\u0000[a.b]", "# #vso[a.b]"],
        ["one that a colour stands in", "##\u001b[0m]y", "# #\u001b[0m]y"],
        ["a format of it, an old command of GitHub", "x ##[add-mask]y", "x # #[add-mask]y"],
        ["a command of GitHub", "::add-mask::x", ": :add-mask::x"],
        ["one after white space, on a later line", "a\r\n\t ::error::b", "a\r\n\t : :error::b"],
        ["one after a mere carriage return", "a\r::error::b", "a\r: :error::b"],
    ])("%s is none any more", (_what, text, printed) => {
        expect(hasCommand(text)).toBe(true);
        expect(safeToPrint(text)).toBe(printed);
        expect(hasCommand(printed)).toBe(false);
    });

    test.each([
        "## prod: a bump of pool1 is pending\n\n| pool | node |\n",
        "\u001b[33mlook here\u001b[39m\tUbuntu 22.04 → 24.04, [urn=urn:pulumi:prod::kamino::a:b:C::pool1]",
        "",
    ])("%j stays as it is", (text) => expect(safeToPrint(text)).toBe(text));

    test("has no command left, however its parts are put together, and changes no more when it is printed again", () => {
        const part = fc.constantFrom(
            "#",
            "##",
            "vso",
            "[",
            "]",
            ":",
            "::",
            "\n",
            "\r",
            " ",
            "\u200d",
            "\u001b",
            "[0m",
            "x",
        );
        fc.assert(
            fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
                const printed = safeToPrint(parts.join(""));
                expect(hasCommand(printed)).toBe(false);
                expect(safeToPrint(printed)).toBe(printed);
            }),
            { numRuns: 2000 },
        );
    });
});

describe("a name that somebody else gave", () => {
    test.each([
        "Ubuntu 22.04.4 LTS",
        "Debian GNU/Linux 12 (bookworm)",
        "containerd 1.7.15",
        "1:2.35-0ubuntu3.8~esm1+b2",
        "v1.27.4",
        "",
    ])("%j is shown as it is", (name) => expect(plainName(name)).toBe(name));

    test("is shown without what a command or a comment is made of, on one line, and not too long", () => {
        expect(plainName("5.15 ##vso[a.b]\n<!-- x -->`|")).toBe("5.15 ??vso?a.b????-- x --???");
        expect(plainName("x".repeat(101))).toHaveLength(100);
    });
});
