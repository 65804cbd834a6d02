// The configuration: complete and typed, or refused in one line that starts with the key.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadYaml } from "@kubernetes/client-node";
import { describe, expect, it, test } from "vitest";
import { SHARED_KEYS, TOP_LEVEL_KEYS, readSettings } from "../../../components/config/schema";
import { DEFAULT_GROUP, scaleSetName } from "../../../sandbox/azure/pools";
import { seconds } from "../../../components/core/duration";

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
        ["90s", 90],
        ["15m", 900],
        ["1h", 3600],
        ["30d", 2_592_000],
        ["0s", 0],
    ])("%s is %i seconds", (text, expected) => expect(seconds(text)).toBe(expected));

    test.each(["", "1", "1w", "1.5h", "-1h", "1h30m", " 1h", "1H", "9999999d"])("is not %j", (text) =>
        expect(() => seconds(text)).toThrow("a duration such as 90s, 15m, 1h or 30d"),
    );
});

describe("settings", () => {
    it("have the defaults, and a pool the name of its scale set", () => {
        expect(read().pools[0]).toMatchObject({
            ...{ name: "vmss1", scaleSet: "vmss1", resourceGroup: "kube", gallery: "kamino", prefer: "newest" },
            ...{ minimumReadyTime: "1h", minimumCandidates: 1, maximumImageAge: undefined, maxHistory: 3 },
            ...{ gracePeriod: "5m", drainTimeout: "15m", force: false, replicaCount: 3, keepSnapshots: false },
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
        expect(pools[0]).toMatchObject({ minimumCandidates: 3, force: false, ignoreNodes: ["a", "b"] });
        expect(pools[1]).toMatchObject({
            ...{ name: "second", scaleSet: "vmss2", resourceGroup: "other", minimumCandidates: 2, force: true },
            subscriptionId: "0b1f6471-1bf0-4dda-aec3-cb9272f09590",
        });
    });

    it("are taken as not set where Pulumi.yaml's empty default stands", () => {
        const { kubeconfig, context, pools } = read({ kubeconfig: "", context: "", maximumImageAge: "" });
        expect([kubeconfig, context, pools[0].maximumImageAge]).toEqual([undefined, undefined, undefined]);
    });
});

describe("refused in one line with the key in it:", () => {
    test.each<[string, Record<string, unknown>, string]>([
        ["no pools", { pools: [] }, "kamino:pools is missing"],
        ["pools that are no list", { pools: "vmss1" }, "kamino:pools must be a list"],
        ["a pool that is no object", { pools: ["vmss1"] }, "kamino:pools[0] must be an object"],
        ["a pool without scale set", { pools: [{ name: "a" }] }, "kamino:pools[0].scaleSet is missing"],
        [
            "a scale set of another kind of id",
            { pools: [{ scaleSet: "/subscriptions/x" }] },
            "kamino:pools[0].scaleSet must be",
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
            "a pin that is no version",
            { pools: [{ scaleSet: "a", pin: "latest" }] },
            "kamino:pools[0].pin must be an image version",
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
    const project = loadYaml<{ config: Record<string, { type: string; default: unknown; description: string }> }>(
        readFileSync(join(__dirname, "../../../Pulumi.yaml"), "utf8"),
    );
    expect(Object.keys(project.config).sort()).toEqual(Object.keys(TOP_LEVEL_KEYS).sort());
    for (const [key, { default: inSchema, description }] of Object.entries(project.config)) {
        expect(description, key).toBeTruthy();
        const own = (SHARED_KEYS as Record<string, { default?: unknown }>)[key]?.default;
        const isEmpty = typeof inSchema === "object" && Object.keys(inSchema ?? {}).length === 0;
        expect(own ?? "", key).toEqual(isEmpty && !own ? "" : inSchema);
    }
});

test("Pulumi.dev.yaml is whole, and names the pools that the sandbox makes", () => {
    const file = readFileSync(join(__dirname, "../../../Pulumi.dev.yaml"), "utf8");
    const { config } = loadYaml<{ config: Record<string, unknown> }>(file);
    const plain = Object.entries(config).map(([key, value]) => [key.replace(/^kamino:/, ""), value]);
    const { pools } = readSettings(Object.fromEntries(plain) as Record<string, unknown>);
    expect(pools.map(({ scaleSet, resourceGroup }) => [scaleSet, resourceGroup])).toEqual(
        ["pool1", "pool2"].map((name) => [scaleSetName({ name }), DEFAULT_GROUP]),
    );
});
