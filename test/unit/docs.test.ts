// The documents: links lead somewhere, decisions are numbered once each, every configuration key is in README's table.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { repository } from "../../sandbox/engine/paths";

const SKIPPED = new Set(["node_modules", ".git", ".sandbox", "dist"]);

function markdownIn(folder: string): string[] {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) {
            return SKIPPED.has(entry.name) ? [] : markdownIn(path);
        }
        return entry.name.endsWith(".md") ? [path] : [];
    });
}

/** A heading's anchor, as GitHub makes it. */
function anchorOf(heading: string): string {
    return heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
        .replaceAll(" ", "-");
}

const anchorsOf = (text: string) => [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));

/** Relative links of a page that lead nowhere. */
function broken(page: string): string[] {
    const text = readFileSync(page, "utf8").replace(/```.*?```/gs, "");
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
    return links
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => {
            const [path, anchor] = link.split("#");
            const target = path === "" ? page : join(dirname(page), path);
            if (!existsSync(target)) {
                return true;
            }
            return anchor !== undefined && (statSync(target).isDirectory() || !hasAnchor(target, anchor));
        });
}

const hasAnchor = (page: string, anchor: string) => anchorsOf(readFileSync(page, "utf8")).includes(anchor);

test.each(markdownIn(repository).map((page) => [relative(repository, page), page]))(
    "links of %s lead somewhere",
    (_, page) => {
        expect(broken(page)).toEqual([]);
    },
);

describe("the decisions", () => {
    const folder = join(repository, "docs", "decisions");
    const pages = readdirSync(folder).sort();

    test("have a number each, one after the other", () => {
        expect(pages.map((name) => Number(name.slice(0, 4)))).toEqual(pages.map((_, index) => index + 1));
    });

    test.each(pages)("%s has a title with its number, context, choice and alternatives", (name) => {
        const text = readFileSync(join(folder, name), "utf8");
        expect(text).toMatch(new RegExp(`^# ${Number(name.slice(0, 4))}\\. `));
        for (const part of ["Context", "Choice", "Alternatives"]) {
            expect(text).toContain(`**${part}`);
        }
    });
});

test("every configuration key is in README's table", () => {
    const { config } = parse(readFileSync(join(repository, "Pulumi.yaml"), "utf8")) as { config: object };
    const table = readFileSync(join(repository, "README.md"), "utf8").match(/^\| .*$/gm) ?? [];
    const keys = new Set(table.flatMap((row) => [...row.split("|")[1].matchAll(/`(\w+)`/g)].map(([, key]) => key)));
    expect(Object.keys(config).filter((key) => !keys.has(key))).toEqual([]);
});
