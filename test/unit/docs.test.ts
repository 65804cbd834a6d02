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

test("what docs/fleets.md says of a bump's requests follows from its table, which is counted (test/fleet/armCalls)", () => {
    const page = readFileSync(join(repository, "docs", "fleets.md"), "utf8");
    const cellsOf = (name: string) => {
        const line = page.split("\n").find((each) => each.startsWith(`| ${name} |`)) ?? "";
        return line
            .split("|")
            .slice(2, -1)
            .map((cell) => Number(cell.replaceAll("*", "")));
    };
    // A bump by `npm run up` is a preview of one and an up.
    const bump = (name: string) => cellsOf(name)[1] + cellsOf(name)[2];
    const [reads, writes, deletes] = ["**reads**", "**writes**", "**deletes**"].map(bump);
    const all = reads + writes + deletes;
    const number = (value: number) => value.toLocaleString("en-US");
    const rate = (bucket: number, refill: number, cost: number) =>
        [bucket / cost, (refill * 60) / cost].map(Math.floor);
    const [atOnce, aMinute] = rate(250, 25, reads);
    const [written, writtenAMinute] = rate(200, 10, writes);
    const [deleted, deletedAMinute] = rate(200, 10, deletes);
    for (const said of [
        `a bump is ${reads} reads, ${writes} writes (`,
        `, ${deletes} deletes. `,
        `| reads | 250 | 25 | ${reads} + polls | ${atOnce} begun in the same second, then ${aMinute} a minute |`,
        `| writes | 200 | 10 | ${writes} | ${written} begun in the same second, then ${writtenAMinute} a minute |`,
        `| deletes | 200 | 10 | ${deletes} | ${deleted}, then ${deletedAMinute} a minute |`,
        `2,000 × ${all} = ${number(2000 * all)}, of which ${number(2000 * writes)} writes`,
        `a run is the preview's ${cellsOf("**reads**")[0]} reads for one pool, ${cellsOf("**reads**")[0] - 1} once`,
        `| GET scale set | 2,400, 800 | 36, 12 | ${bump("GET scale set")} (preview`,
        `: ${2400 / bump("GET scale set")} pools may begin in the same minute, then ${800 / bump("GET scale set")} in each`,
        `| GET scale set VM, instance view | 6,000, 2,000 | 36, 12 | ${bump("GET VM")} (preview`,
    ]) {
        expect(page).toContain(said);
    }
});
