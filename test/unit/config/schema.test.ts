// The configuration: complete and typed, or refused in one line that starts with the key.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadYaml } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { z } from "zod";
import { readSettings, refuseTwice } from "../../../components/config/load";
import { configuration } from "../../../components/config/schema";
import { DEFAULT_GROUP, scaleSetName } from "../../../sandbox/azure/pools";
import { formatDuration, parseDuration } from "../../../components/core/duration";

const ID =
    "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/other/providers/Microsoft.Compute/virtualMachineScaleSets/vmss2";

function read(changes: Record<string, unknown> = {}) {
    // As the engine gives it: everything is text, lists are JSON.
    const plain = { resourceGroup: "kube", pools: [{ scaleSet: "vmss1" }], ...changes };
    return readSettings(
        Object.fromEntries(
            Object.entries(plain).map(([key, value]) => [
                key,
                typeof value === "object" ? JSON.stringify(value) : value,
            ]),
        ),
    );
}

describe("a duration", () => {
    test.each([
        ["90s", 90_000],
        ["15m", 900_000],
        ["1h", 3_600_000],
        ["30d", 2_592_000_000],
        ["0s", 0],
    ])("%s is %i milliseconds, and is written as it was", (text, expected) => {
        expect(parseDuration(text)).toBe(expected);
        expect(formatDuration(expected)).toBe(text);
    });

    test.each(["", "1", "1w", "1.5h", "-1h", "1h30m", " 1h", "1H", "9999999d"])("is not %j", (text) =>
        expect(() => parseDuration(text)).toThrow("a duration such as 90s, 15m, 1h or 30d"),
    );

    it("has the same length after it was written and read", () => {
        fc.assert(
            fc.property(fc.integer({ min: 0, max: 999_999 }), fc.constantFrom("s", "m", "h", "d"), (count, unit) => {
                const length = parseDuration(`${count}${unit}`);
                expect(parseDuration(formatDuration(length))).toBe(length);
            }),
        );
    });
});

describe("settings", () => {
    it("have the defaults, and a pool the name of its scale set", () => {
        expect(read().pools[0]).toMatchObject({
            name: "vmss1",
            scaleSet: { name: "vmss1", resourceGroup: "kube", onForeignChange: "stop" },
            selection: {
                minimumReadyTimeMs: 3_600_000,
                minimumCandidates: 1,
                maximumImageAgeMs: undefined,
                prefer: "newest",
            },
            capture: {
                mode: undefined,
                drainTimeoutMs: 900_000,
                // Each pod has the time that it asks for itself.
                evictionGracePeriodMs: undefined,
                ...{ force: false, deleteBarePods: false, deleteEmptyDirData: false, minimumReadyNodes: undefined },
                ...{ cleanPaths: [], rootPartition: undefined, keepSnapshots: false },
            },
            kured: { lock: true, daemonSet: undefined },
            image: { gallery: "kamino", maxHistory: 3, replicaCount: 3 },
            tags: {},
        });
    });

    it("hold for all pools, and a pool's own go before them", () => {
        const { pools } = read({
            minimumCandidates: "2",
            force: "true",
            ignoreNodes: ["a", "b"],
            pools: [
                { scaleSet: "vmss1", minimumCandidates: 3, force: false },
                { scaleSet: ID, name: "second" },
            ],
        });
        expect(pools[0]).toMatchObject({
            selection: { minimumCandidates: 3, ignoreNodes: ["a", "b"] },
            capture: { force: false },
        });
        expect(pools[1]).toMatchObject({
            name: "second",
            scaleSet: {
                ...{ name: "vmss2", resourceGroup: "other" },
                subscriptionId: "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
            },
            selection: { minimumCandidates: 2 },
            capture: { force: true },
        });
    });

    it("are taken as not set where Pulumi.yaml's empty default stands", () => {
        const { kubeconfig, context, pools } = read({ kubeconfig: "", context: "", maximumImageAge: "" });
        expect([kubeconfig, context, pools[0].selection.maximumImageAgeMs]).toEqual([undefined, undefined, undefined]);
    });
});

describe("settings are read as what they mean:", () => {
    const first = (changes: Record<string, unknown>) => read(changes).pools[0];

    test.each([
        ["80%", { value: 80, unit: "percent" }],
        ["3", { value: 3, unit: "nodes" }],
    ])("minimumReadyNodes %s", (configured, expected) => {
        expect(first({ minimumReadyNodes: configured }).capture.minimumReadyNodes).toEqual(expected);
    });

    it("minimumReadyNodes as a number, where a pool has its own", () => {
        expect(first({ pools: [{ scaleSet: "a", minimumReadyNodes: 2 }] }).capture.minimumReadyNodes).toEqual({
            ...{ value: 2, unit: "nodes" },
        });
    });

    it("kured's DaemonSet by namespace and name", () => {
        expect(first({ kuredDaemonSet: "ops/kured-main", kuredLock: "false" }).kured).toEqual({
            lock: false,
            daemonSet: { namespace: "ops", name: "kured-main" },
        });
    });

    it("tags, paths to clean and how a disk is taken", () => {
        const { tags, capture } = first({ tags: { team: "nodes" }, cleanPaths: ["/opt/agent/id"], capture: "copy" });
        expect([tags, capture.cleanPaths, capture.mode]).toEqual([{ team: "nodes" }, ["/opt/agent/id"], "copy"]);
    });

    test.each(["Prüfgruppe", "PRODUCCIÓN", "a.b-c_(d)", "資源", "x".repeat(90)])("resource group %s", (name) => {
        expect(first({ resourceGroup: name }).scaleSet.resourceGroup).toBe(name);
        const id = ID.replace("/other/", `/${name}/`);
        expect(first({ pools: [{ scaleSet: id }] }).scaleSet.resourceGroup).toBe(name);
    });
});

describe("twins in two subscriptions", () => {
    const other = ID.replace("0b1f6471", "0b1f6472");
    const pools = [
        { scaleSet: ID, name: "a" },
        { scaleSet: other, name: "b" },
    ];

    it("are two scale sets", () => {
        expect(read({ pools }).pools.map(({ scaleSet }) => scaleSet.subscriptionId?.slice(0, 8))).toEqual([
            ...["0b1f6471", "0b1f6472"],
        ]);
    });

    it("are one where a name means the subscription of an id", () => {
        const twice = [pools[0], { scaleSet: "vmss2", name: "b", resourceGroup: "other" }];
        const { pools: settings } = read({ pools: twice });
        expect(() => refuseTwice(settings, "kamino:pools", "0b1f6472-1bf0-4dda-aec3-cb9272f09590")).not.toThrow();
        expect(() => refuseTwice(settings, "kamino:pools", "0B1F6471-1bf0-4dda-aec3-cb9272f09590")).toThrow(
            "kamino:pools[1] has scale set vmss2 in resource group other, as kamino:pools[0] has",
        );
    });
});

describe("refused in one line with the key in it:", () => {
    test.each<[string, Record<string, unknown>, string]>([
        ["no pools", { pools: [] }, "kamino:pools is missing"],
        ["pools that are not a list", { pools: "vmss1" }, "kamino:pools must be a list"],
        ["a pool that is not an object", { pools: ["vmss1"] }, "kamino:pools[0] must be an object"],
        ["a pool without scale set", { pools: [{ name: "a" }] }, "kamino:pools[0].scaleSet is missing"],
        [
            "a pool with scale set and MachinePool",
            { pools: [{ scaleSet: "a", machinePool: "n/a" }] },
            "kamino:pools[0] has both scaleSet and machinePool",
        ],
        [
            "a pool with MachineDeployment and MachineSet",
            { pools: [{ machineSet: "n/a", machineDeployment: "n/a" }] },
            "kamino:pools[0] has both machineDeployment and machineSet",
        ],
        [
            "a MachineDeployment that stands twice",
            { pools: [{ machineDeployment: "n/a" }, { machineDeployment: "n/a", name: "b" }] },
            "kamino:pools[1] has MachineDeployment n/a, as kamino:pools[0] has",
        ],
        [
            "a MachineDeployment whose bootstrap goes",
            { pools: [{ machineDeployment: "n/a", bootstrap: "remove" }] },
            "kamino:pools[0].bootstrap must be keep or left out",
        ],
        [
            "a MachinePool without namespace",
            { pools: [{ machinePool: "a" }] },
            "kamino:pools[0].machinePool must be a MachinePool as NAMESPACE/NAME",
        ],
        [
            "a MachinePool whose bootstrap goes",
            { pools: [{ machinePool: "n/a", bootstrap: "remove" }] },
            "kamino:pools[0].bootstrap must be keep or left out",
        ],
        [
            "a canary that is no pool",
            { pools: [{ scaleSet: "a", canary: "c" }, { scaleSet: "b" }] },
            'kamino:pools[0].canary: there is no pool "c"; the other pools are b',
        ],
        [
            "pools that wait for each other",
            { pools: [{ scaleSet: "x" }, { scaleSet: "a", canary: "b" }, { scaleSet: "b", canary: "a" }] },
            "kamino:pools[1].canary: pools wait for each other, and none would get an image: a for b for a",
        ],
        [
            "a pool that waits for itself",
            { pools: [{ scaleSet: "a", canary: "a" }] },
            "kamino:pools[0].canary: pools wait for each other, and none would get an image: a for a",
        ],
        ...[0, -1, 1.5, "two", 101].map((newUpdatedNodes): [string, Record<string, unknown>, string] => [
            `${newUpdatedNodes} new nodes`,
            { pools: [{ scaleSet: "a", newUpdatedNodes }] },
            "kamino:pools[0].newUpdatedNodes must be a whole number from 1 to 100",
        ]),
        [
            "a maximum of none",
            { pools: [{ scaleSet: "a", newUpdatedNodes: 1, maxNodes: 0 }] },
            "kamino:pools[0].maxNodes must be a whole number from 1 to 1000",
        ],
        ...["machinePool", "machineDeployment", "machineSet"].map((key): [string, Record<string, unknown>, string] => [
            `new nodes of a ${key}`,
            { pools: [{ [key]: "default/a", newUpdatedNodes: 1 }] },
            `kamino:pools[0].newUpdatedNodes is for scale sets: the number of machines of a ${key} is its replicas'`,
        ]),
        ["another key of the management cluster", { capi: { server: "x" } }, "kamino:capi.server is not a known key"],
        [
            "a Cluster without its namespace",
            { capi: { workloadCluster: "c1" } },
            'kamino:capi.workloadCluster must be a Cluster as NAMESPACE/NAME, not "c1"',
        ],
        [
            "a scale set of another kind of id",
            { pools: [{ scaleSet: "/subscriptions/x" }] },
            "kamino:pools[0].scaleSet must be",
        ],
        ...["nodes.", "a b", "a/b", "x".repeat(91), "a?b"].map((name): [string, Record<string, unknown>, string] => [
            `resource group ${name}`,
            { resourceGroup: name },
            "kamino:resourceGroup must be the name of a resource group",
        ]),
        ...["/", "/etc", "etc/passwd", "/opt/../etc/x", "/opt/./x", "/proc/1/x", "/opt/*/id", "/opt/a/", "/a/b\nc"].map(
            (path): [string, Record<string, unknown>, string] => [
                `a path ${JSON.stringify(path)} to clean`,
                { cleanPaths: [path] },
                "kamino:cleanPaths must be a list, each item ",
            ],
        ),
        [
            "a tag that the program sets",
            { tags: { Node: "x" } },
            "kamino:tags must be tags by other names than kamino-stack",
        ],
        ["a tag with a slash", { tags: { "a/b": "x" } }, "kamino:tags must be tags by names of at most 512 characters"],
        ["tags that are not an object", { tags: "x" }, "kamino:tags must be an object of tags"],
        ["a tag that is a list", { tags: { a: [] } }, "kamino:tags.a must be text of at most 256 characters"],
        [
            "a share of nodes above all",
            { minimumReadyNodes: "101%" },
            "kamino:minimumReadyNodes must be a number of nodes",
        ],
        [
            "kured by name alone",
            { kuredDaemonSet: "kured" },
            "kamino:kuredDaemonSet must be a DaemonSet as NAMESPACE/NAME",
        ],
        [
            "an unknown answer to foreign changes",
            { onForeignChange: "ignore" },
            'kamino:onForeignChange must be stop or restore or adopt, not "ignore"',
        ],
        ["no resource group", { resourceGroup: "" }, "kamino:resourceGroup is missing"],
        [
            "a bad duration",
            { minimumReadyTime: "1 hour" },
            'kamino:minimumReadyTime must be a duration such as 90s, 15m, 1h or 30d, not "1 hour"',
        ],
        ["a drain without time", { drainTimeout: "0s" }, "kamino:drainTimeout must be a duration longer than 0"],
        ["a history of one", { maxHistory: "1" }, "kamino:maxHistory must be a whole number from 2 to 100, not 1"],
        [
            "a number that is none",
            { minimumCandidates: "few" },
            'kamino:minimumCandidates must be a whole number from 1 to 1000, not "few"',
        ],
        [
            "half a candidate",
            { pools: [{ scaleSet: "a", minimumCandidates: 1.5 }] },
            "kamino:pools[0].minimumCandidates must be",
        ],
        ["maybe", { force: "maybe" }, 'kamino:force must be true or false, not "maybe"'],
        ["an unknown preference", { prefer: "oldest" }, 'kamino:prefer must be newest or longest-ready, not "oldest"'],
        [
            "a node name with a slash",
            { ignoreNodes: ["a/b"] },
            "kamino:ignoreNodes must be a list, each item a node's name",
        ],
        [
            "a node that cannot be one",
            { pools: [{ scaleSet: "a", node: "../x" }] },
            "kamino:pools[0].node must be a node's name",
        ],
        [
            "a pin that is not a version",
            { pools: [{ scaleSet: "a", pin: "latest" }] },
            "kamino:pools[0].pin must be an image version",
        ],
        [
            "a rejected version that is none",
            { pools: [{ scaleSet: "a", reject: ["2026.1122.0412", "latest"] }] },
            "kamino:pools[0].reject must be a list, each item an image version",
        ],
        [
            "a trusted version that is not in a list",
            { pools: [{ scaleSet: "a", trust: "2026.1122.0412" }] },
            "kamino:pools[0].trust must be a list",
        ],
        [
            "an unknown key, with the near one",
            { minimumReadytime: "1h" },
            "kamino:minimumReadytime is not a known key; did you mean minimumReadyTime?",
        ],
        [
            "an unknown key of a pool",
            { pools: [{ scaleSet: "a", scaleset: "b" }] },
            "kamino:pools[0].scaleset is not a known key; did you mean scaleSet?",
        ],
        ["a key like nothing", { foo: "1" }, "kamino:foo is not a known key; the keys are "],
        [
            "a program's key in a pool",
            { pools: [{ scaleSet: "a", kubeconfig: "x" }] },
            "kamino:pools[0].kubeconfig is not a known key",
        ],
        [
            "the same pool twice",
            { pools: [{ scaleSet: "vmss1" }, { scaleSet: "VMSS1", name: "b" }] },
            "kamino:pools[1] has scale set VMSS1 in resource group kube, as kamino:pools[0] has",
        ],
        [
            "the same name twice",
            {
                pools: [
                    { scaleSet: "a", name: "x" },
                    { scaleSet: "b", name: "X" },
                ],
            },
            'kamino:pools[1] has the pool name "X"',
        ],
    ])("%s", (_, changes, message) => {
        let said = "";
        try {
            read(changes);
        } catch (error) {
            said = (error as Error).message;
        }
        expect(said).toContain(message);
        expect(said.split("\n")).toHaveLength(1);
    });
});

it("agrees with the schema in Pulumi.yaml, key by key", () => {
    interface Key {
        type: string;
        items?: { type: string };
        default?: unknown;
    }
    const file = readFileSync(join(__dirname, "../../../Pulumi.yaml"), "utf8");
    const project = loadYaml<{ config: Record<string, Key & { description: string }> }>(file);
    const schema = z.toJSONSchema(configuration, { io: "input" }).properties as Record<string, Key>;
    // Pulumi knows no key without a default: empty stands for "not set".
    const empty: Record<string, unknown> = { array: [], object: {} };
    const expected = Object.entries(schema).map(([key, { type = "object", items, default: value }]) => [
        key,
        { type, ...(items && { items: { type: items.type } }), default: value ?? empty[type] ?? "" },
    ]);
    const found = Object.entries(project.config).map(([key, { description: _, ...rest }]) => [key, rest]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    expect(Object.entries(project.config).filter(([, { description }]) => !description)).toEqual([]);
});

it("has every key in README's table", () => {
    const readme = readFileSync(join(__dirname, "../../../README.md"), "utf8");
    const keys = Object.keys(z.toJSONSchema(configuration, { io: "input" }).properties ?? {});
    const table = readme.split("\n").filter((line) => line.startsWith("|"));
    expect(keys.filter((key) => !table.some((line) => line.split("|")[1].includes(`\`${key}\``)))).toEqual([]);
});

test("Pulumi.dev.yaml is whole, and names the pools that the sandbox makes", () => {
    const file = readFileSync(join(__dirname, "../../../Pulumi.dev.yaml"), "utf8");
    const { config } = loadYaml<{ config: Record<string, unknown> }>(file);
    const plain = Object.entries(config).map(([key, value]) => [key.replace(/^kamino:/, ""), value]);
    const { pools } = readSettings(Object.fromEntries(plain) as Record<string, unknown>);
    expect(pools.map(({ scaleSet }) => [scaleSet.name, scaleSet.resourceGroup])).toEqual(
        ["pool1", "pool2"].map((name) => [scaleSetName({ name }), DEFAULT_GROUP]),
    );
});
