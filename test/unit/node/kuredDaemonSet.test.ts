// kured among a cluster's DaemonSets, and its options in every spelling that kured itself takes.
import type { V1Container, V1DaemonSet } from "@kubernetes/client-node";
import { describe, expect, it, test } from "vitest";
import { findKured, holdsLock, isAtLeast, toKured, type KuredOptions } from "../../../components/node/kuredDaemonSet";

const IMAGE = "ghcr.io/kubereboot/kured:1.17.1";

function daemonSet(
    name: string,
    container: Partial<V1Container>,
    more: { labels?: Record<string, string>; nodeSelector?: Record<string, string>; namespace?: string } = {},
): V1DaemonSet {
    const { labels = {}, nodeSelector, namespace = "tools" } = more;
    return {
        metadata: { name, namespace, labels },
        spec: { selector: {}, template: { spec: { nodeSelector, containers: [{ name: "c", ...container }] } } },
    };
}

const DEFAULTS: KuredOptions = {
    annotateNodes: false,
    lockNamespace: "kube-system",
    lockName: "kured",
    lockAnnotation: "weave.works/kured-node-lock",
    concurrency: 1,
    period: "1h",
};

describe("an option of kured", () => {
    const env = (values: Record<string, string>) => Object.entries(values).map(([name, value]) => ({ name, value }));
    const from = { valueFrom: { configMapKeyRef: { name: "kured", key: "x" } } };
    test.each<[string, Partial<V1Container>, Partial<KuredOptions>]>([
        ["has a default", {}, {}],
        ["as a switch", { args: ["--annotate-nodes"] }, { annotateNodes: true }],
        ["as =true", { command: ["/usr/bin/kured", "--annotate-nodes=true"] }, { annotateNodes: true }],
        ["as =1", { args: ["--annotate-nodes=1"] }, { annotateNodes: true }],
        ["as =t", { args: ["--annotate-nodes=t"] }, { annotateNodes: true }],
        ["as =TRUE", { args: ["--annotate-nodes=TRUE"] }, { annotateNodes: true }],
        ["as =false", { args: ["--annotate-nodes=false"] }, {}],
        ["as =f", { args: ["--annotate-nodes=f"] }, {}],
        ["the last one counts", { args: ["--annotate-nodes", "--annotate-nodes=0"] }, {}],
        ["by a variable", { env: env({ KURED_ANNOTATE_NODES: "true" }) }, { annotateNodes: true }],
        ["by a variable, =T", { env: env({ KURED_ANNOTATE_NODES: "T" }) }, { annotateNodes: true }],
        [
            "a flag wins over a variable",
            { args: ["--annotate-nodes=false"], env: env({ KURED_ANNOTATE_NODES: "true" }) },
            {},
        ],
        ["an empty variable is none", { env: env({ KURED_DS_NAME: "" }) }, {}],
        [
            "through a shell",
            { command: ["sh", "-c", "exec /usr/bin/kured --annotate-nodes=true --concurrency 2"] },
            { annotateNodes: true, concurrency: 2 },
        ],
        [
            "behind an init that ends its own options with --",
            { command: ["/sbin/tini", "--", "/usr/bin/kured"], args: ["--annotate-nodes", "--ds-name", "kured"] },
            { annotateNodes: true },
        ],
        [
            "behind one that is kured's own name",
            { args: ["--period=5m", "--ds-name", "kured", "--annotate-nodes"] },
            { annotateNodes: true, period: "5m" },
        ],
        [
            "with its value after =",
            { args: ["--ds-name=reboots", "--ds-namespace=tools"] },
            { lockName: "reboots", lockNamespace: "tools" },
        ],
        [
            "with its value as the next word",
            { args: ["--ds-name", "reboots", "--ds-namespace", "tools"] },
            { lockName: "reboots", lockNamespace: "tools" },
        ],
        [
            "from the container's own variables",
            { args: ["--ds-namespace=$(NS)"], env: env({ NS: "tools" }) },
            { lockNamespace: "tools" },
        ],
        [
            "all by variables",
            {
                env: env({
                    KURED_DS_NAME: "r",
                    KURED_DS_NAMESPACE: "t",
                    KURED_LOCK_ANNOTATION: "x/lock",
                    KURED_CONCURRENCY: "3",
                    KURED_PERIOD: "5m",
                }),
            },
            { lockName: "r", lockNamespace: "t", lockAnnotation: "x/lock", concurrency: 3, period: "5m" },
        ],
        [
            "kept elsewhere: kured finds its own DaemonSet by it",
            { env: [{ name: "KURED_DS_NAMESPACE", ...from }] },
            { lockNamespace: "tools" },
        ],
        [
            "to annotate, kept elsewhere",
            { env: [{ name: "KURED_ANNOTATE_NODES", ...from }] },
            { annotateNodes: undefined },
        ],
        [
            "in a whole ConfigMap",
            { args: ["--period=5m"], envFrom: [{ configMapRef: { name: "kured" } }] },
            { period: "5m", annotateNodes: undefined, lockNamespace: "tools", lockName: "kured" },
        ],
        [
            "on the command line or by name, before a whole ConfigMap",
            {
                args: ["--annotate-nodes"],
                env: env({ KURED_DS_NAMESPACE: "nodes" }),
                envFrom: [{ configMapRef: { name: "kured" } }],
            },
            { annotateNodes: true, lockNamespace: "nodes", lockName: "kured" },
        ],
        [
            "among others that are not known here",
            {
                args: [
                    "--reboot-days=sat,sun",
                    "--notify-url",
                    "slack://x",
                    "--period=30m",
                    "--blocking-pod-selector",
                    "a=b",
                ],
            },
            { period: "30m" },
        ],
        ["that is not a number", { args: ["--concurrency=many"] }, {}],
        ["that is not of use", { args: ["--concurrency=0"] }, {}],
    ])("%s", (_, container, options) => {
        expect(toKured(daemonSet("kured", { image: IMAGE, ...container })).options).toEqual({
            ...DEFAULTS,
            ...options,
        });
    });
});

describe("kured is found", () => {
    const proxy = daemonSet("kube-proxy", { image: "x/kube-proxy:1" });
    const silencer = daemonSet("kured-silencer", { image: "example.com/silencer:2.0" });

    test.each<[string, V1DaemonSet[], string | undefined]>([
        ["by its image", [proxy, daemonSet("reboots", { image: "a:5000/kured@sha256:0" })], "reboots"],
        ["by its program", [proxy, daemonSet("reboots", { image: "a/b:1", command: ["/usr/bin/kured"] })], "reboots"],
        ["by its name", [proxy, daemonSet("kured", { image: "mirror/reboot:1.6.1" })], "kured"],
        [
            "by the name in its labels",
            [daemonSet("x", { image: "a/b" }, { labels: { "app.kubernetes.io/name": "kured" } })],
            "x",
        ],
        ["rather than a helper of its name", [silencer, daemonSet("reboots", { image: IMAGE })], "reboots"],
        ["not among others", [proxy], undefined],
    ])("%s", (_, all, name) => expect(findKured(all)?.name).toBe(name));

    it("on the node that it is about, where there are several", () => {
        const all = ["pool1", "pool2"].map((pool) =>
            daemonSet(`kured-${pool}`, { image: IMAGE }, { nodeSelector: { pool } }),
        );
        expect(findKured(all, { pool: "pool2", other: "x" })?.name).toBe("kured-pool2");
        expect(findKured(all, { pool: "pool3" })).toBeUndefined();
        expect(findKured(all)?.name).toBe("kured-pool1");
    });

    it("with its version and place", () => {
        expect(toKured(daemonSet("kured", { image: "a:5000/kured:1.7.0@sha256:0" }))).toMatchObject({
            namespace: "tools",
            name: "kured",
            version: "1.7.0",
        });
        expect(toKured(daemonSet("kured", { image: "a/kured@sha256:0" })).version).toBeUndefined();
    });
});

describe("kured's lock", () => {
    const locked = (value: string) => {
        const kured = daemonSet("kured", { image: IMAGE }, { namespace: "kube-system" });
        return [{ ...kured, metadata: { ...kured.metadata, annotations: { [DEFAULTS.lockAnnotation]: value } } }];
    };
    test.each<[string, V1DaemonSet[], boolean]>([
        ["is a node's", locked('{"nodeID":"n","TTL":0}'), true],
        ["is a node's among others", locked('{"maxOwners":2,"locks":[{"nodeID":"m"},{"nodeID":"n"}]}'), true],
        ["is another's", locked('{"nodeID":"m"}'), false],
        ["may be anybody's when it cannot be read", locked("n"), true],
        ["is nobody's", [daemonSet("kured", { image: IMAGE }, { namespace: "kube-system" })], false],
        ["is nowhere", [], false],
    ])("%s", (_, all, holds) => expect(holdsLock(all, "n")).toBe(holds));
});

test.each([
    ["1.7.0", true],
    ["v1.9.2", true],
    ["1.14.0-alpha.1", true],
    ["2.0.0", true],
    ["1.6.1", false],
    ["1.6", false],
    ["0.9.0", false],
    ["main-1a2b3c", undefined],
    ["latest", undefined],
    [undefined, undefined],
])("version %s is at least 1.7: %s", (version, expected) => expect(isAtLeast(version, 1, 7)).toBe(expected));
