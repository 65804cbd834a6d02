// Which pools a stack has, by name and id; and what it takes from its outputs and from its state.
import { describe, expect, it, test } from "vitest";
import { SCALE_SET, type PreviousPool } from "../../../policies/contract";
import { stateOf, type StackState } from "../../../components/engine/stackState";
import { refuseOtherMembers } from "../../../components/pool/membership";
import type { Pool } from "../../../components/pool/pool";
import { lastDefinition, ownNames, previousOf } from "../../../components/pool/stackFacts";

const id = (name: string, group = "rg") =>
    `/subscriptions/s/resourceGroups/${group}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`;
const GALLERY = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/kamino/images/a";
const urn = (type: string, name: string) =>
    `urn:pulumi:prod::kamino::kamino:index:VmssPrototype$azure-native:compute:${type}::${name}`;

describe("pools that are not what they were", () => {
    const refused = (configured: Record<string, string>, last: Record<string, string | undefined>) => {
        const pools = Object.entries(configured).map(([name, id]) => ({ name, id, configKey: name }));
        const previous = Object.entries(last).map(([name, scaleSetId]) => [name, { scaleSetId }] as const);
        try {
            refuseOtherMembers(pools, new Map(previous));
            return [];
        } catch (error) {
            return (error as Error).message.split("\n");
        }
    };

    it.each<[string, Record<string, string>, Record<string, string | undefined>]>([
        ["a pool that stays what it was, whatever the case of its id", { one: id("A") }, { one: id("a") }],
        ["a new pool", { one: id("a"), two: id("b") }, { one: id("a") }],
        ["a pool of an earlier version, whose outputs name no scale set", { one: id("a") }, { one: undefined }],
    ])("are not refused: %s", (_what, configured, last) => {
        expect(refused(configured, last)).toEqual([]);
    });

    test("are refused each in one line: another name, another scale set, names that were exchanged", () => {
        expect(refused({ two: id("a") }, { one: id("a") })).toEqual([
            'two: scale set "a" was pool "one" until now, not "two": keep `name: one`, or release that pool first ' +
                "(docs/releasing-a-pool.md)",
        ]);
        expect(refused({ one: id("b") }, { one: id("a") })).toEqual([
            'one: pool "one" was scale set "a" until now, not scale set "b": give the new one another name, and release ' +
                "the old one (docs/releasing-a-pool.md)",
        ]);
        expect(refused({ one: id("b"), two: id("a") }, { one: id("a"), two: id("b") })).toHaveLength(2);
    });

    test("are told apart by their ids where the scale sets have one name", () => {
        const [line] = refused({ one: id("a", "other") }, { one: id("a") });
        expect(line).toContain(`was ${id("a")} until now, not ${id("a", "other")}`);
    });
});

describe("what a stack knows of a pool", () => {
    const facts = (said: PreviousPool, state?: StackState) => ({
        ...{ name: "organization/kamino/prod", previous: new Map([["a", said]]), state },
    });
    const pool = (changes: object = {}) => ({ settings: { name: "a" }, ...changes }) as unknown as Pool;

    test("is that it is adopted while the state has its scale set", () => {
        const there = stateOf({ [urn("VirtualMachineScaleSet", "a")]: {} });
        const gone = stateOf({ [urn("VirtualMachineScaleSet", "b")]: {} });
        const said = { adopted: true, version: "2026.1122.0412" };
        expect(there.find(SCALE_SET, "a")).toMatchObject({ urn: urn("VirtualMachineScaleSet", "a") });
        expect(previousOf(facts(said, there), pool())).toEqual(said);
        expect(previousOf(facts(said, gone), pool())).toEqual({ ...said, adopted: false });
        // Cluster API's pools have no scale set in the stack; and where the state cannot be read the outputs count.
        expect(previousOf(facts(said, gone), pool({ machinePool: {} }))).toEqual(said);
        expect(previousOf(facts(said), pool())).toEqual(said);
    });

    test("is where its images are: by the outputs, by the state, or by the model that was written", () => {
        const state = stateOf({ [urn("GalleryImage", "a")]: { outputs: { id: "/by/state" } } });
        const model = { image: `${GALLERY}/versions/2026.1122.412`, rest: "" };
        const versions = ["2026.1122.0412"];
        expect(lastDefinition(facts({ imageDefinitionId: GALLERY }, state), "a")).toBe(GALLERY);
        expect(lastDefinition(facts({ model, versions }, state), "a")).toBe("/by/state");
        expect(lastDefinition(facts({ model, versions }), "a")).toBe(GALLERY);
        expect(lastDefinition(facts({ model, versions: [] }), "a")).toBeUndefined();
    });

    test("is by which names it has marked a resource", () => {
        const inState = { urn: "", outputs: { tags: { "kamino-stack": "organization/kamino/former" } } };
        expect(ownNames(facts({}), inState)).toEqual(["organization/kamino/prod", "organization/kamino/former"]);
        expect(ownNames(facts({}), undefined)).toEqual(["organization/kamino/prod"]);
    });
});
