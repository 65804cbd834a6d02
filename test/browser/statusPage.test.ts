// The page of `npm run status -- --html` in a real browser: it is readable on a screen, a phone and paper, in light and
// dark, and loads nothing.
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import axe, { type AxeResults } from "axe-core";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { page } from "../../runner/status/html/page";
import { EXAMPLES, NOW, poolStatus } from "../unit/runner/statusExamples";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The first of these programs that is on PATH. */
function findBrowser(): string | undefined {
    const folders = (process.env.PATH ?? "").split(delimiter);
    return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => {
        try {
            accessSync(file, constants.X_OK);
            return true;
        } catch {
            return false;
        }
    });
}

const executablePath = findBrowser();

// GitHub's machines have one: there the tests below must not be left out.
test.runIf(process.env.GITHUB_ACTIONS)("there is a browser", () => expect(executablePath).toBeDefined());

const lacking = executablePath ? "" : ` (left out: none of ${NAMES.join(", ")} is on PATH)`;
if (lacking) {
    console.warn(`The page is not tested in a browser${lacking}`);
}

const SCREENS = [
    { screen: "a screen", width: 1100 },
    { screen: "a tablet", width: 800 },
    { screen: "a large phone, turned", width: 740 },
    { screen: "a phone", width: 390 },
].flatMap((screen) => (["light", "dark"] as const).map((colorScheme) => ({ ...screen, colorScheme })));

describe.skipIf(!executablePath)(`the page${lacking}`, () => {
    const folder = mkdtempSync(join(tmpdir(), "kamino page "));
    const file = join(folder, "status.html");
    let browser: Browser;

    beforeAll(async () => {
        const pools = EXAMPLES.map((example) => poolStatus(example));
        writeFileSync(file, page({ stack: "prod", pools, now: NOW }));
        browser = await chromium.launch({ executablePath });
    });
    afterAll(async () => {
        await browser?.close();
        rmSync(folder, { recursive: true, force: true });
    });

    describe.each(SCREENS)("on $screen, $colorScheme", ({ width, colorScheme }) => {
        let tab: Page;
        const complaints: string[] = [];
        const requests: string[] = [];

        beforeAll(async () => {
            tab = await browser.newPage({ viewport: { width, height: 844 }, colorScheme });
            tab.on("console", (message) => complaints.push(message.text()));
            tab.on("pageerror", (error) => complaints.push(error.message));
            tab.on("request", (request) => requests.push(request.url()));
            await tab.goto(pathToFileURL(file).href);
        });
        afterAll(() => tab?.close());

        it("loads nothing, and has nothing to complain of", () => {
            expect(complaints).toEqual([]);
            expect(requests).toEqual([pathToFileURL(file).href]);
        });

        // First, since a folded table is not looked at: it has what the others have, many times.
        it("has nothing that axe finds fault with", async () => {
            await tab.evaluate(axe.source);
            const { violations } = await tab.evaluate<AxeResults>("axe.run()");
            expect(violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html)])).toEqual([]);
        });

        it("is not wider than the screen, with all unfolded", async () => {
            await tab.evaluate(openAll);
            expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        });

        it("has one picture for each pool, whose texts neither touch nor leave it", async () => {
            const pictures = await tab.evaluate(textsOfPictures);
            expect(pictures).toHaveLength(EXAMPLES.length);
            for (const { texts, box } of pictures) {
                expect(texts.length).toBeGreaterThan(3);
                expect(texts.filter((text) => !isIn(text, box))).toEqual([]);
                const touching = texts.flatMap((one, index) =>
                    texts.slice(index + 1).flatMap((other) => (touches(one, other) ? [[one.text, other.text]] : [])),
                );
                expect(touching).toEqual([]);
                // Smaller letters nobody reads on a phone.
                expect(Math.min(...texts.map(({ size }) => size))).toBeGreaterThanOrEqual(9);
            }
        });

        it("has texts with a contrast of 4.5 at least, in pictures as well", async () => {
            const contrasts = await tab.evaluate(contrastsInPictures);
            expect(contrasts.length).toBeGreaterThan(50);
            expect(contrasts.filter(({ contrast }) => contrast < 4.5)).toEqual([]);
        });
    });

    it("is light on paper and has all nodes, also those that a screen folds away", async () => {
        const tab = await browser.newPage({ viewport: { width: 718, height: 1000 }, colorScheme: "dark" });
        await tab.goto(pathToFileURL(file).href);
        await tab.emulateMedia({ media: "print", colorScheme: "dark" });
        const rows = await tab.evaluate(() =>
            [...document.querySelectorAll("details tr")].map((row) => row.getBoundingClientRect().height),
        );
        expect(rows.length).toBeGreaterThan(100);
        expect(await tab.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe("rgb(255, 255, 255)");
        expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBe(718);
        const [picture] = await tab.evaluate(textsOfPictures);
        expect(picture.box.right - picture.box.left).toBeGreaterThan(650);
        expect(await tab.evaluate(() => document.querySelector("details:not([open]) td")!.checkVisibility())).toBe(
            true,
        );
        await tab.close();
    });
});

interface Box {
    left: number;
    right: number;
    top: number;
    bottom: number;
}

const isIn = (text: Box, box: Box) =>
    text.left >= box.left - 0.5 && text.right <= box.right + 0.5 && text.top >= box.top && text.bottom <= box.bottom;

const touches = (a: Box, b: Box) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1;

// What follows runs in the page.

function openAll(): void {
    document.querySelectorAll("details").forEach((each) => (each.open = true));
}

function textsOfPictures() {
    const boxOf = (element: Element) => {
        const { left, right, top, bottom } = element.getBoundingClientRect();
        return { left, right, top, bottom };
    };
    const shown = [...document.querySelectorAll<SVGSVGElement>("svg[role=img]")].filter((each) => each.clientWidth > 0);
    return shown.map((svg) => ({
        box: boxOf(svg),
        texts: [...svg.querySelectorAll("text")].map((text) => ({
            ...boxOf(text),
            text: text.textContent,
            size: (parseFloat(getComputedStyle(text).fontSize) * svg.clientWidth) / svg.viewBox.baseVal.width,
        })),
    }));
}

/** Of each text of a picture to what it stands on: its own rectangle, the lane of the model's image, or the card. */
function contrastsInPictures() {
    const luminance = (colour: string) => {
        const parts = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => Number(part) / 255);
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const backgroundOf = (text: Element) => {
        const own = text.previousElementSibling;
        const lane = text.closest(".current") && text.closest("svg")!.querySelector(".lane");
        const shape = own?.tagName === "rect" ? own : lane;
        return shape ? getComputedStyle(shape).fill : getComputedStyle(text.closest(".card")!).backgroundColor;
    };
    return [...document.querySelectorAll("svg[role=img] text")].map((text) => {
        const [one, other] = [getComputedStyle(text).fill, backgroundOf(text)].map(luminance);
        return { text: text.textContent, contrast: (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) };
    });
}
