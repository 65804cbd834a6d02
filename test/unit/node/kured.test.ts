// kured's annotations: what it writes is read to the second, what it would never write is recognised and not believed.
import type { V1DaemonSet } from "@kubernetes/client-node";
import { describe, expect, it, test } from "vitest";
import { aboutKured, readReboot } from "../../../components/node/kured";
import { NOW } from "../selection/facts";

describe("a reboot annotation", () => {
    test.each([
        ["2026-11-22T06:12:09+02:00", "2026-11-22T04:12:09.000Z"],
        ["2026-11-22T04:12:09Z", "2026-11-22T04:12:09.000Z"],
        ["2026-11-21T22:42:09.123456789-05:30", "2026-11-22T04:12:09.000Z"],
        // The node's clock may be somewhat ahead of the API server's.
        ["2026-11-22T20:04:59Z", "2026-11-22T20:04:59.000Z"],
        ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z"],
    ])("%s is the moment %s", (annotation, moment) => {
        expect((readReboot(annotation, NOW) as Date).toISOString()).toBe(moment);
    });

    it("that is not there says so", () => expect(readReboot(undefined, NOW)).toBe("none"));

    test.each(["2026-11-22T20:05:01Z", "2027-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"])(
        "%s is in the future",
        (annotation) => expect(readReboot(annotation, NOW)).toBe("future"),
    );

    test.each([
        ["nothing", ""],
        ["a word", "yesterday"],
        ["a day", "2026-11-22"],
        ["a time without offset", "2026-11-22T04:12:09"],
        ["two offsets", "2026-11-22T04:12:09+02:00+02:00"],
        ["a day that the month has not", "2026-02-30T00:00:00Z"],
        ["a leap day in another year", "2026-02-29T00:00:00Z"],
        ["month 13", "2026-13-01T00:00:00Z"],
        ["hour 24", "2026-11-22T24:00:00Z"],
        ["second 60", "2026-11-22T04:12:60Z"],
        ["an offset of days", "2026-11-22T04:12:09+99:00"],
        ["a year of another calendar", "1448-06-02T04:12:09Z"],
        ["a Buddhist year in five digits", "02569-11-22T04:12:09Z"],
        ["a number", "1795320729"],
        ["a line after it", "2026-11-22T04:12:09Z\n"],
        ["control characters", "2026-11-22T04:12:09Z\u0000"],
        ["other digits", "２０２６-11-22T04:12:09Z"],
        ["a mebibyte", "9".repeat(2 ** 20)],
    ])("with %s cannot be used", (_, annotation) => expect(readReboot(annotation, NOW)).toBe("unusable"));
});

describe("when no node carries the annotation", () => {
    const daemonSet = (name: string, image: string, args: string[] = [], labels = {}) => ({
        metadata: { name, namespace: "tools", labels },
        spec: {
            selector: {},
            template: { spec: { containers: [{ name: "c", image, args }] } },
        },
    });

    it("says that kured is not there", () => {
        const others = [daemonSet("kube-proxy", "registry.example/kube-proxy:v1")];
        expect(aboutKured(others)).toBe(
            "no kured DaemonSet was found; kured 1.7.0 or later with --annotate-nodes is needed",
        );
    });

    test.each([
        ["by its name", daemonSet("kured", "mirror:5000/reboot:1.6.1"), "kured 1.6.1 runs as DaemonSet tools/kured"],
        [
            "by its image",
            daemonSet("reboots", "ghcr.io/kubereboot/kured:1.16.0"),
            "kured 1.16.0 runs as DaemonSet tools/reboots",
        ],
        [
            "by its label",
            daemonSet("x", "a/b@sha256:0", [], { "app.kubernetes.io/name": "kured" }),
            "kured of unknown version runs",
        ],
        ["by a digest and a tag", daemonSet("y", "a:5000/kured:1.7.0@sha256:0"), "kured 1.7.0 runs"],
    ])("finds kured %s, in any namespace", (_, found, words) => {
        expect(aboutKured([daemonSet("kube-proxy", "x/y:1"), found])).toContain(words);
    });

    it("does not say what a ConfigMap keeps", () => {
        const { spec, ...kured } = daemonSet("kured", "kured:1.17.1") as V1DaemonSet;
        spec!.template.spec!.containers[0].envFrom = [{ configMapRef: { name: "kured" } }];
        expect(aboutKured([{ ...kured, spec }])).toContain("whether with --annotate-nodes cannot be told");
    });

    it("says whether kured was told to annotate", () => {
        expect(aboutKured([daemonSet("kured", "kured:1.9.0")])).toContain("without --annotate-nodes");
        expect(aboutKured([daemonSet("kured", "kured:1.9.0", ["--annotate-nodes=true"])])).toContain(
            "with --annotate-nodes",
        );
    });

    test.each([
        ["by a variable", { env: [{ name: "KURED_ANNOTATE_NODES", value: "true" }] }],
        ["as =1", { args: ["--annotate-nodes=1"] }],
        ["as =TRUE", { args: ["--annotate-nodes=TRUE"] }],
        ["through a shell", { command: ["sh", "-c", "/usr/bin/kured --annotate-nodes=true"] }],
    ])("believes that kured annotates when it was told so %s", (_, container) => {
        const { metadata, spec } = daemonSet("kured", "kured:1.17.1");
        const containers = [{ ...spec.template.spec.containers[0], ...container }];
        const said = aboutKured([{ metadata, spec: { ...spec, template: { spec: { containers } } } }]);
        expect(said).toBe(
            "kured 1.17.1 runs as DaemonSet tools/kured with --annotate-nodes, and has not seen a node in need of a reboot yet; for a first image without one name a node (pools[].node)",
        );
    });

    it("says what is needed of a kured that is too old, and what is better of one that is rather old", () => {
        const annotating = (version: string) =>
            aboutKured([daemonSet("kured", `kured:${version}`, ["--annotate-nodes"])]);
        expect(annotating("1.6.1")).toBe(
            "kured 1.6.1 runs as DaemonSet tools/kured with --annotate-nodes; kured 1.7.0 or later with --annotate-nodes is needed",
        );
        expect(annotating("1.12.2")).toMatch(/has not seen a node .* yet; before 1\.13\.0 it does not annotate/);
        expect(annotating("1.13.0")).not.toContain("better");
        expect(annotating("latest")).not.toMatch(/needed|better/);
    });

    it("takes kured for kured, and not a helper that is named after it", () => {
        const both = [daemonSet("kured-silencer", "example.com/silencer:2.0"), daemonSet("kured", "kured:1.17.1")];
        expect(aboutKured(both)).toContain("kured 1.17.1 runs as DaemonSet tools/kured ");
    });

    it("says when it cannot be told", () =>
        expect(aboutKured(undefined)).toContain("listing DaemonSets is not allowed"));
});
