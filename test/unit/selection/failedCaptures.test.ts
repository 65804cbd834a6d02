// A node that has left service twice for an image that was not made is not taken out of service a third time.
import { describe, expect, it } from "vitest";
import {
    FAILED_CAPTURES,
    failedCaptures,
    formatFailedCaptures,
    oneMore,
} from "../../../components/capture/failedCaptures";
import { decide } from "../../../components/selection/decide";
import { captureFailedLine, logLine } from "../../../components/selection/explain";
import { IMAGE, choice, image, node, question } from "./facts";

const VERSION = "2026.1122.0412";
const built = { history: [choice(IMAGE)], gallery: [image(IMAGE)] };
const other = node("other", { needed: "2026-11-01T00:00:00Z" });

function ask(annotation: string, about: Parameters<typeof question>[0] = {}, needed = "2026-11-22T04:12:09Z") {
    const asked = question({ ...built, ...about });
    const decision = decide([node("n", { needed, annotations: { [FAILED_CAPTURES]: annotation } }), other], asked);
    return { ...decision, line: logLine("pool1", decision, asked.facts, asked.facts.newest) };
}

describe("captures that failed", () => {
    it("are counted for one version, from what the node says", () => {
        const first = oneMore(undefined, VERSION);
        expect(first).toEqual({ version: VERSION, count: 1, step: "cut off" });
        const read = failedCaptures({
            [FAILED_CAPTURES]: formatFailedCaptures({ ...first, step: "clean and power off" }),
        });
        expect(read).toEqual({ version: VERSION, count: 1, step: "clean and power off" });
        expect(oneMore(read, VERSION)).toMatchObject({ count: 2 });
        expect(oneMore(read, "2026.1123.0412")).toMatchObject({ count: 1 });
    });

    it.each([
        "",
        "2",
        `${VERSION}=0@snapshot`,
        `${VERSION}=2`,
        `${VERSION}=2@`,
        "1.2.99999999999=2@snapshot",
        `${VERSION}=2@${"x".repeat(61)}`,
    ])("are not read from what no capture wrote: %j", (annotation) => {
        expect(failedCaptures({ [FAILED_CAPTURES]: annotation })).toBeUndefined();
        expect(ask(annotation).chosen?.node.name).toBe("n");
    });

    it("let the node be tried once more, and then hold it back", () => {
        expect(ask(`${VERSION}=1@snapshot`).chosen?.choice.version).toBe(VERSION);
        const { chosen, versions, noChoice, line } = ask(`${VERSION}=2@snapshot`);
        expect([chosen, versions]).toEqual([undefined, built.history]);
        expect(line).toBe(
            `pool1: unchanged, image ${IMAGE} from node node-a; node n fits, but 2 captures of it for image ${VERSION} have ` +
                'failed after it had left service, the last one at step "snapshot" (2 nodes: 1 not newer than the image, 1 fits)',
        );
        expect(noChoice?.kind === "captureFailed" && captureFailedLine(noChoice)).toBe(
            `node n is not taken out of service once more: 2 captures of it for image ${VERSION} have failed after it had left ` +
                'service, the last one at step "snapshot"; see why in the Events and reports; to try again name the node (node) or ' +
                "run kubectl annotate node n kamino/failed-captures-; a later reboot is tried without that",
        );
        expect(ask(`${VERSION}=2@cut off`).line).toContain("left service, the last one was cut off (");
    });

    it("do not count for a later reboot", () => {
        const { chosen } = ask("2026.1121.2000=2@snapshot");
        expect(chosen?.choice.version).toBe(VERSION);
    });

    it.each(["2026-11-20T04:12:09Z", "2026-11-22T04:12:09Z"])(
        "count whatever the next image is called, as for its age or npm run retake, after a reboot at %s",
        (needed) => {
            const retake = { rules: { maximumImageAgeMs: 60_000 } };
            for (const version of [VERSION, "2026.1122.2000"]) {
                expect(ask(`${version}=1@snapshot`, retake, needed).chosen?.node.name).toBe("n");
                expect(ask(`${version}=2@snapshot`, retake, needed).noChoice?.kind).toBe("captureFailed");
            }
        },
    );

    it("let a node that the configuration names be tried twice more, whatever the image is called, and then say the way out", () => {
        expect(ask(`${VERSION}=3@drain`, { node: "n" }).chosen?.choice.version).toBe(VERSION);
        const { noChoice } = ask(`${VERSION}=4@drain`, { node: "n" });
        expect(noChoice?.kind === "captureFailed" && captureFailedLine(noChoice)).toContain(
            "to try again run kubectl annotate node n kamino/failed-captures-; a later reboot",
        );
        // Neither rebooted nor an image yet: each restart gives another name.
        const bare = node("n", {
            needed: null,
            readySince: "2026-11-22T06:00:00Z",
            annotations: { [FAILED_CAPTURES]: `${VERSION}=4@drain` },
        });
        expect(decide([bare, other], question({ node: "n" })).noChoice?.kind).toBe("captureFailed");
    });

    it("hold back no copy, of which the node notices nothing", () => {
        const way = { mode: "copy", why: "the cluster has disk.csi.azure.com" } as const;
        expect(ask(`${VERSION}=9@snapshot`, { way }).chosen?.choice.version).toBe(VERSION);
    });
});
