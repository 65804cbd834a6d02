// `npm run status -- --html`: the page, without a browser. test/browser has one.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it, test } from "vitest";
import { asMarkup, markup } from "../../../runner/status/html/markup";
import { frameOf, shortNames, widthOf } from "../../../runner/status/html/geometry";
import { rebootBand } from "../../../runner/status/html/reboots";
import { page } from "../../../runner/status/html/page";
import { timelineOf } from "../../../runner/status/html/timeline";
import { namesOf, type NodeStatus, type PoolStatus } from "../../../runner/status/show";
import { writeWhole } from "../../../runner/writeWhole";
import { EXAMPLES, NOW, ago, poolStatus } from "./statusExamples";

const pageOf = (...pools: PoolStatus[]) => page({ stack: "prod", pools, now: NOW });
const count = (text: string, part: string) => text.split(part).length - 1;

/** A page's text as a browser shows it, if nothing but this program's markup is in it. */
const textOf = (html: string) =>
    html
        .replace(/<style>.*?<\/style>/s, "")
        .replace(/<[^>]*>/g, "")
        .replace(
            /&(amp|lt|gt|quot|#39);/g,
            (_, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"' })[name] ?? "'",
        );

describe("the page", () => {
    it.each(EXAMPLES)("names every image and every node of $name, and draws it in both sizes", (example) => {
        const status = poolStatus(example);
        const html = pageOf(status);
        for (const { image } of status.images) {
            expect(html).toContain(`<td class="name image" data-label="image">${image}`);
        }
        for (const { name } of status.nodes) {
            expect(html).toContain(` data-label="node">${name}</td>`);
        }
        expect(count(html, '<svg class="wide" role="img"')).toBe(1);
        expect(count(html, '<svg class="narrow" role="img"')).toBe(1);
        expect(html).not.toMatch(/NaN|undefined|Infinity|\[object/);
    });

    it("loads nothing and runs nothing", () => {
        const html = pageOf(...EXAMPLES.map((example) => poolStatus(example)));
        expect(html).not.toMatch(/<(script|link|img|iframe|object|embed|base|form)\b|\bon\w+=|url\(|@import|\bsrc=/i);
        expect([...html.matchAll(/href="([^"]*)"/g)].every(([, to]) => to.startsWith("#pool-"))).toBe(true);
        expect(html).toMatch(/Content-Security-Policy" content="default-src 'none'; style-src 'sha256-[\w+/=]+';/);
    });

    it("says what an up would do, why it would stop, and what somebody should look at", () => {
        const [pool] = EXAMPLES;
        const stops = poolStatus(pool, { way: { stops: "the cluster has no driver" } });
        expect(textOf(pageOf(stops))).toContain("An up now would stop: the cluster has no driver");
        expect(textOf(pageOf(stops))).toContain("1 pool, 1 to look at");
        const status = poolStatus({ ...pool, nodes: 4, versions: [200] });
        expect(status.next.steps.length).toBeGreaterThan(1);
        status.next.steps.forEach((step) => expect(textOf(pageOf(status))).toContain(step));
    });

    it("shows any text as it is, wherever it comes from", () => {
        const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" });
        const hostile = fc.constantFrom(
            "</style><script>alert(1)</script>",
            "\"' onload=x",
            "<!--",
            "]]>",
            "&lt;",
            "\u0000",
        );
        fc.assert(
            fc.property(fc.oneof(text, hostile), (said) => {
                const status = poolStatus({ name: "k8s-p-1-vmss", nodes: 3, versions: [60] });
                const [image] = status.images;
                const node: NodeStatus = { ...status.nodes[0], name: said, image: said, why: said, candidate: false };
                const pool: PoolStatus = {
                    ...{ pool: said, scaleSetId: `/x/${said}`, explanation: said, model: said },
                    next: { steps: [said], why: said, takes: { node: said, version: said, at: ago(90) } },
                    images: [{ ...image, image: said, donor: said, state: said }],
                    nodes: [node],
                    newNodes: [{ image: said, state: "added", outcome: said, nodes: [said] }],
                    attention: [said],
                    unknown: [said],
                };
                const html = page({ stack: said, pools: [pool], now: NOW });
                const tags = new Set([...html.matchAll(/<\/?([a-z]\w*)/gi)].map(([, tag]) => tag));
                expect([...tags].filter((tag) => !TAGS.includes(tag))).toEqual([]);
                // eslint-disable-next-line no-control-regex
                const shown = said.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "\ufffd");
                expect(count(textOf(html), shown)).toBeGreaterThanOrEqual(10);
            }),
            { numRuns: 60 },
        );
    });
});

const TAGS = [
    ...["html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "nav", "div", "span"],
    ...["h1", "h2", "h3", "p", "a", "ul", "ol", "li", "strong", "time", "figure", "figcaption", "details", "summary"],
    ...["table", "thead", "tbody", "tr", "th", "td", "svg", "desc", "g", "path", "rect", "text"],
];

describe("the time line", () => {
    it("has every node whose need kured has seen, and every machine that was made, on the lane of its image", () => {
        fc.assert(
            fc.property(
                fc.integer({ min: 0, max: 60 }),
                fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 5 }),
                (nodes, hours) => {
                    const versions = [...new Set(hours)].sort((a, b) => a - b);
                    const status = poolStatus({ name: "k8s-p-1-vmss", nodes, versions });
                    const { reboots, lanes, from, to } = timelineOf(status, NOW);
                    expect(reboots.map(({ node }) => node).sort()).toEqual(
                        status.nodes.filter(({ needSeenAt }) => needSeenAt).map(({ name }) => name),
                    );
                    for (const { image, births, planned } of lanes) {
                        const born = births.map(({ node }) => node).sort();
                        expect(born).toEqual(planned ? [] : namesOf(status.nodes, image));
                    }
                    expect(lanes.length).toBe(status.images.length + (status.next.takes ? 1 : 0));
                    expect(to.getTime() - from.getTime()).toBeGreaterThanOrEqual(3_600_000);
                },
            ),
            { numRuns: 40 },
        );
    });

    it("shows of images without machines only the newest ones", () => {
        const versions = Array.from({ length: 40 }, (_, index) => index + 1);
        expect(timelineOf(poolStatus({ name: "k8s-p-1-vmss", nodes: 0, versions }), NOW).lanes).toHaveLength(12);
    });

    it("is three years long at most, and an hour at least", () => {
        const old = timelineOf(poolStatus({ name: "k8s-p-1-vmss", nodes: 0, versions: [24 * 365 * 20] }), NOW);
        expect(NOW.getTime() - old.from.getTime()).toBe(3 * 365 * 86_400_000);
        const none = timelineOf(poolStatus({ name: "k8s-p-1-vmss", nodes: 0, versions: [] }), NOW);
        expect(NOW.getTime() - none.from.getTime()).toBe(3_600_000);
    });
});

describe("the reboots in a picture", () => {
    it("have their names in it, however long they wait", () => {
        const moments = fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.option(fc.integer({ min: 0, max: 1000 })));
        fc.assert(
            fc.property(fc.array(moments, { minLength: 1, maxLength: 14 }), (all) => {
                const reboots = all.map(([needed, waited], index) => ({
                    ...{ node: `k8s-p-1-vmss${String(index).padStart(6, "0")}`, candidate: false },
                    ...{ needSeenAt: ago(needed), rebootedAt: waited === null ? undefined : ago(needed - waited) },
                }));
                for (const size of ["wide", "narrow"] as const) {
                    const frame = frameOf({ from: ago(1000), to: NOW, reboots, lanes: [] }, size);
                    const drawn = rebootBand(reboots, frame, 0).drawn.join("");
                    const places = [...drawn.matchAll(/<text class="[^"]*" x="([\d.-]+)"/g)].map(([, x]) => Number(x));
                    expect(places).toHaveLength(reboots.length);
                    expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
                    expect(Math.max(...places)).toBeLessThanOrEqual(frame.width - widthOf("…000000"));
                }
            }),
        );
    });
});

describe("short names", () => {
    it.each([
        [
            ["k8s-pool1-1-vmss000001", "k8s-pool1-1-vmss00000a"],
            ["…000001", "…00000a"],
        ],
        [["k8s-pool1-1-vmss000001"], ["…000001"]],
        [
            ["a.example", "b.example"],
            ["a.example", "b.example"],
        ],
        [
            ["node-1", "node-2"],
            ["node-1", "node-2"],
        ],
        [[], []],
    ])("of %j are %j", (names, short) => expect([...shortNames(names).values()]).toEqual(short));
});

test("markup escapes all that is put into it but markup", () => {
    expect(markup`<a title="${`"'&<>`}">${["<b>", asMarkup("<i>"), 1]}${undefined}</a>`.toString()).toBe(
        '<a title="&quot;&#39;&amp;&lt;&gt;">&lt;b&gt;<i>1</a>',
    );
});

describe("a file that is written whole", () => {
    const folder = mkdtempSync(join(tmpdir(), "kamino status "));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it("replaces the one before, and leaves nothing else", async () => {
        const file = join(folder, "status.html");
        writeFileSync(file, "before");
        await writeWhole(file, "after", "--html");
        expect([readFileSync(file, "utf8"), readdirSync(folder)]).toEqual(["after", ["status.html"]]);
    });

    it.each([
        ["none/status.html", `there is no folder ${join(folder, "none")}`],
        ["status.html/status.html", `there is no folder ${join(folder, "status.html")}`],
        [".", "it is a folder"],
    ])("says in one line why %s cannot be written", async (name, why) => {
        const file = name === "." ? folder : join(folder, name);
        await expect(writeWhole(file, "text", "--html")).rejects.toMatchObject({
            name: "UserError",
            message: `--html: ${file} cannot be written: ${why}`,
        });
        expect(readdirSync(folder)).toEqual(["status.html"]);
    });
});
