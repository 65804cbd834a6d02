// Which image definition of a gallery is a pool's: never one that another stack has made.
import { describe, expect, it, test } from "vitest";
import type { ImageDefinition } from "../../../components/azure/galleries";
import { UserError } from "../../../components/core/errors";
import { choose, definitionNames, type Candidate } from "../../../components/pool/definitionPlace";

const [ONE, TWO] = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
const GALLERY = { subscriptionId: ONE, resourceGroup: "images", name: "fleet" };

/** The names of a pool's definition, from the pool's subscription, group and scale set. */
function names(subscriptionId: string, resourceGroup: string, name: string, gallery = GALLERY): string[] {
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`;
    return definitionNames({ gallery, scaleSet: { subscriptionId, resourceGroup, name }, live: { id, name } });
}

describe("the name of a new image definition", () => {
    test("is the scale set's own in its own resource group, whatever the case", () => {
        expect(names(ONE, "IMAGES", "pool1")).toEqual(["pool1"]);
    });

    test("has resource group, scale set and a digest elsewhere; earlier versions left the digest out", () => {
        const [unique, plain] = names(ONE, "prod", "pool1");
        expect(plain).toBe("prod-pool1");
        expect(unique).toMatch(/^prod-pool1-[0-9a-f]{8}$/);
        expect(names(ONE, "PROD", "pool1")[0].slice(-8)).toBe(unique.slice(-8));
    });

    const long = "g".repeat(90);
    it.each<[string, string[], string[]]>([
        [
            "a dash that is the group's or the scale set's",
            names(ONE, "prod", "eu-pool1"),
            names(ONE, "prod-eu", "pool1"),
        ],
        ["groups of one name in two subscriptions", names(ONE, "prod", "pool1"), names(TWO, "prod", "pool1")],
        ["what is cut off", names(ONE, long, "pool1"), names(ONE, long, "pool2")],
        ["characters that a name has not", names(ONE, "prod(1)", "pool1"), names(ONE, "prod_1_", "pool1")],
    ])("is another one for pools that differ only by %s", (_what, [one], [other]) => {
        expect(one).not.toBe(other);
        for (const name of [one, other]) {
            expect(name).toMatch(/^[\w.-]{1,80}$/);
        }
    });

    test("is one that Azure takes, whatever the scale set, the machines and their groups are called", () => {
        const sets = ["_x", "pool_", "a".repeat(64), "_", "."];
        const machines = [`${"n".repeat(63)}.${"m".repeat(63)}`];
        for (const group of ["images", "(old)", "_", "()", "g".repeat(90)]) {
            for (const name of [...sets, ...machines]) {
                const all = [names(ONE, group, name), names(ONE, group, `${name}x`)];
                expect(all[0][0]).not.toBe(all[1][0]);
                for (const each of all.flat()) {
                    expect(each).toMatch(/^[a-z0-9]([\w.-]{0,78}[a-z0-9])?$/i);
                }
            }
        }
        expect(names(ONE, "images", "pool_")).toEqual([expect.stringMatching(/^pool_-[0-9a-f]{8}$/)]);
        expect(names(ONE, "images", "a".repeat(64))).toEqual(["a".repeat(64)]);
    });

    test("has a digest also where the gallery's group has the pool's name in another subscription", () => {
        expect(names(TWO, "images", "pool1")).toEqual([expect.stringMatching(/^images-pool1-[0-9a-f]{8}$/), "pool1"]);
    });
});

describe("the image definition of a pool", () => {
    const stack = "organization/kamino/prod";
    const definition = (tag?: string): ImageDefinition => ({
        ...{ hyperVGeneration: "V2", architecture: "x64" },
        ...(tag && { tags: { "kamino-stack": tag } }),
    });
    const at = (name: string, more: Partial<Candidate> = {}): Candidate => ({
        ...{ name, id: `/galleries/fleet/images/${name}`, isInUse: false },
        ...more,
    });
    const [OURS, NONE, THEIRS] = [definition(stack), definition(), definition("organization/kamino/test")];
    const found = (unique: Partial<Candidate>, plain: Partial<Candidate>, hasVersions = false) =>
        choose([at("unique", unique), at("plain", plain)], { pool: "pool1", stack, hasVersions });

    it.each<[string, Partial<Candidate>, Partial<Candidate>, string]>([
        ["a new one where there is none", {}, {}, "unique"],
        ["the stack's own one", { existing: OURS }, {}, "unique"],
        ["the stack's own one under the name of earlier versions", {}, { existing: OURS }, "plain"],
        ["one that was made beforehand, under either name", {}, { existing: NONE }, "plain"],
        ["one that was made beforehand, under the name of today", { existing: NONE }, {}, "unique"],
        ["the stack's own one where somebody makes the other name", { existing: OURS }, { existing: NONE }, "unique"],
        ["a new one where another stack's has the plain name", {}, { existing: THEIRS }, "unique"],
        [
            "one that was made beforehand, where the identity may read no other",
            { refused: new UserError("no right") },
            { existing: NONE },
            "plain",
        ],
    ])("is %s", (_what, unique, plain, name) => {
        expect(found(unique, plain).name).toBe(name);
    });

    const elsewhere = "use another gallery";
    const afterRelease = "release the pool, and add it with another gallery (docs/releasing-a-pool.md)";
    it.each<[string, () => unknown, string]>([
        ["its name is a new one's", () => found({ existing: THEIRS }, {}), elsewhere],
        ["new machines start from it", () => found({}, { existing: THEIRS, isInUse: true }), elsewhere],
        ["this stack has made images in it", () => found({}, { existing: THEIRS }, true), afterRelease],
    ])("is refused where another stack has made it and %s, with what to do", (_when, find, advice) => {
        const said = (name: string) =>
            `kamino:gallery: image definition /galleries/fleet/images/${name} was made by stack "organization/kamino/test" ` +
            `(its tag kamino-stack), whose images would count as those of pool "pool1"; ${advice}, or, if that stack does not ` +
            `keep this pool any more, take the tag off, or set it to "organization/kamino/prod" where this stack was renamed`;
        const refused = ["unique", "plain"].map(said);
        let message = "";
        try {
            find();
        } catch (error) {
            message = (error as Error).message;
        }
        expect(refused).toContain(message);
    });

    test("is the stack's own where it was made under the name that the stack had before", () => {
        const request = { pool: "pool1", stack, hasVersions: true };
        const candidates = [at("unique", { existing: THEIRS })];
        const ownNames = [stack, "organization/kamino/test"];
        expect(choose(candidates, { ...request, ownNames }).name).toBe("unique");
        expect(() => choose(candidates, request)).toThrow(UserError);
    });

    test("that cannot be read stops the run where no other is there", () => {
        expect(() => found({ refused: new UserError("no right") }, {})).toThrow("no right");
    });
});
