// Policies on image versions: where they come from, their replicas, and what holds for the one in use.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CopyPlace } from "../../components/capture/copy/disk";
import {
    GALLERY_ID,
    capture,
    definition,
    imageVersion,
    model,
    prototype,
    scaleSet,
    selection,
    versionId,
} from "./examples";
import { Pack, UNKNOWN, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterAll(() => pack.stop());

const madeFrom = (storageProfile: object) => imageVersion({ storageProfile });
const published = (publishingProfile: object) => imageVersion({ publishingProfile });
const IMAGE_ID = `${GALLERY_ID}/images/other/versions/1.0.0`;

/** A pool with its image: all that a bump declares. */
const pool = (version: Resource = imageVersion(), previous = {}): Resource[] => {
    const parent = prototype(previous);
    return [parent, definition(), capture, version, scaleSet(model(), { parent })];
};

/** The violations of one policy. */
const of = (policy: string, found: Awaited<ReturnType<Pack["check"]>>) => found.filter((v) => v.policy === policy);

describe("image-version-from-snapshot", () => {
    it("passes a version made from a snapshot", async () => {
        expect(await pack.check(imageVersion())).toEqual([]);
    });

    it("passes a version made from a capture's cleaned copy, and refuses any other disk", async () => {
        const disk = (name: string) =>
            madeFrom({ osDiskImage: { source: { id: IMAGE_ID.replace(/galleries\/.*/, `disks/${name}`) } } });
        const check = async (name: string) => of("image-version-from-snapshot", await pack.check(disk(name)));
        expect(await check("kamino-pool1-2026.1122.0412-83021f7a-copy")).toEqual([]);
        const others = ["k8s-pool1_OsDisk_1_0a1b", "kamino-pool1-2026.1122.0412-83021f7a", "a-copy", "kamino-x-copy2b"];
        for (const name of others) {
            expect(await check(name)).toMatchObject([{ level: "mandatory" }]);
        }
    });

    it.each([undefined, 2, 3, 10])(
        "passes copy number %s of one disk, by the name that captures give it",
        async (nth) => {
            const target = {
                pool: "pool 1",
                version: "2026.1122.0412",
                node: "n",
                instanceId: "11",
                ...(nth && { nth }),
            };
            const scaleSetId = IMAGE_ID.replace(/galleries\/.*/, "virtualMachineScaleSets/vmss");
            const id = new CopyPlace({ ...target, scaleSetId }, "cluster", {}).diskId;
            expect(id).toMatch(nth ? new RegExp(`-copy${nth}$`) : /-copy$/);
            expect(await pack.check(madeFrom({ osDiskImage: { source: { id } } }))).toEqual([]);
        },
    );

    it.each([
        ["another image", { osDiskImage: { source: { id: IMAGE_ID } } }, "must be a snapshot's id"],
        ["a VM or image as a whole", { source: { id: IMAGE_ID } }, "there is also storageProfile.source"],
        ["a blob", { osDiskImage: { source: { uri: "https://x/y.vhd", storageAccountId: "/a" } } }, "source.uri"],
        ["nothing", {}, "it is: none"],
    ])("refuses a version made from %s", async (_what, storageProfile, says) => {
        const found = of("image-version-from-snapshot", await pack.check(madeFrom(storageProfile)));
        expect(found.map(({ level }) => level)).toContain("mandatory");
        expect(found.map(({ message }) => message).join("\n")).toContain(says);
    });

    it("says nothing while the snapshot is yet to be taken: image-version-from-capture looks at where it will come from", async () => {
        expect(await pack.check(madeFrom({ osDiskImage: { source: { id: UNKNOWN } } }))).toEqual([]);
    });
});

describe("image-version-from-capture", () => {
    const found = async (...resources: Resource[]) =>
        of("image-version-from-capture", await pack.checkStack(...resources));
    const unknownSource = { storageProfile: { osDiskImage: { source: { id: UNKNOWN } } } };

    it("passes a version whose snapshot a capture of this stack took", async () => {
        expect(await found(capture, imageVersion())).toEqual([]);
    });

    it("passes a version whose snapshot a capture of this stack is yet to take", async () => {
        const future = { ...capture, name: "future", outputs: {} };
        const next = imageVersion(unknownSource, { name: "next", propertyDependencies: { storageProfile: [future] } });
        expect(await found(capture, future, imageVersion(), next)).toEqual([]);
    });

    it("refuses a version whose snapshot came from elsewhere", async () => {
        const other = { ...capture, outputs: { snapshotId: "/subscriptions/s/…/snapshots/other" } };
        expect(await found(other, imageVersion())).toMatchObject([{ level: "mandatory" }]);
        expect(await found(imageVersion())).toHaveLength(1);
    });

    it("refuses a version whose source is not known and depends on no capture", async () => {
        expect(await found(capture, imageVersion(unknownSource, { propertyDependencies: {} }))).toHaveLength(1);
    });
});

describe("image-version-replicas", () => {
    it("passes two replicas in every region, said once or by region", async () => {
        expect(await pack.check(published({ replicaCount: 2 }))).toEqual([]);
        const byRegion = { replicaCount: 1, targetRegions: [{ name: "westeurope", regionalReplicaCount: 2 }] };
        expect(await pack.check(published(byRegion))).toEqual([]);
    });

    it("refuses fewer, in each region by its name", async () => {
        const profile = {
            replicaCount: 3,
            targetRegions: [{ name: "westeurope" }, { name: "northeurope", regionalReplicaCount: 1 }],
        };
        const found = await pack.check(published(profile));
        expect(found).toMatchObject([{ policy: "image-version-replicas", level: "mandatory" }]);
        expect(found[0].message).toContain("at least 2 replicas in northeurope; there is 1");
    });

    it("refuses a version that does not say, of which Azure makes one replica", async () => {
        expect(await pack.check(imageVersion({ publishingProfile: undefined }))).toHaveLength(1);
    });

    it("takes the number from the option", async () => {
        await pack.configure({ "image-version-replicas": { minimum: 4 } });
        expect(await pack.check(imageVersion())).toHaveLength(1);
        await pack.configure({});
    });
});

describe("image-version-in-use-not-retired", () => {
    const found = async (version: Resource) =>
        of("image-version-in-use-not-retired", await pack.checkStack(...pool(), version));
    const retired = { replicaCount: 3, endOfLifeDate: "2027-01-01T00:00:00Z", excludeFromLatest: true };

    it("passes an older version that is retired", async () => {
        expect(
            await found(imageVersion({ galleryImageVersionName: "2026.1120.1", publishingProfile: retired })),
        ).toEqual([]);
    });

    it("refuses an end of life, and exclusion from latest, of the version that the model points at", async () => {
        const messages = of("image-version-in-use-not-retired", await pack.checkStack(...pool(published(retired)))).map(
            ({ message }) => message,
        );
        expect(messages).toHaveLength(2);
        expect(messages.join("\n")).toContain("pool1-2026.1122.412 is in use");
    });

    it("refuses exclusion from latest in a single region", async () => {
        const profile = { replicaCount: 3, targetRegions: [{ name: "westeurope", excludeFromLatest: true }] };
        const checked = await pack.checkStack(...pool(published(profile)));
        expect(of("image-version-in-use-not-retired", checked)).toHaveLength(1);
    });
});

describe("image-version-in-use-stays", () => {
    const found = async (...resources: Resource[]) =>
        of("image-version-in-use-stays", await pack.checkStack(...resources));

    it("passes while the version that the model points at is in the stack and protected", async () => {
        expect(await found(...pool())).toEqual([]);
    });

    it("refuses that it leaves the stack while its definition stays", async () => {
        const parent = prototype();
        const left = await found(parent, definition(), scaleSet(model(), { parent }));
        expect(left).toMatchObject([{ level: "mandatory" }]);
        expect(left[0].message).toContain("start from version 2026.1122.412: it must stay in the stack");
    });

    it("refuses that it leaves the stack with a definition that others made, if the last run kept it", async () => {
        const parent = prototype({ adopted: true, versions: ["2026.1122.412"] });
        expect(await found(parent, scaleSet(model(), { parent }))).toHaveLength(1);
    });

    describe("of a version that the stack never had, in the stack's own definition,", () => {
        /** A pool whose model points at such a version, with what the configuration and the last run say of it. */
        const foreign = ({
            pin,
            previous = {},
            versions = [],
        }: {
            pin?: string;
            previous?: object;
            versions?: object[];
        }) => {
            const parent = prototype({ adopted: true, versions: ["2026.1121.0409"], ...previous });
            parent.outputs = { ...parent.outputs, pin };
            const selected = selection("2026.1122.412", parent);
            selected.inputs = { ...selected.inputs, versions };
            return found(parent, selected, definition(), scaleSet(model(), { parent }));
        };

        it("says nothing where the pool's pin names it, by its numbers", async () => {
            expect(await foreign({ pin: "2026.1122.0412" })).toEqual([]);
        });

        it("refuses it where nothing names it, or the pin names another", async () => {
            const [refused] = await foreign({});
            expect(refused.message).toContain("it must stay in the stack, or be named by the pool's pin");
            expect(await foreign({ pin: "2026.1121.0409" })).toHaveLength(1);
        });

        it("says nothing where the last update has left the model at it", async () => {
            expect(await foreign({ previous: { version: "2026.1122.0412" } })).toEqual([]);
        });

        it("says nothing where the selection says that the gallery has lost it", async () => {
            const lost = { version: "2026.1122.0412", missing: true };
            const previous = { versions: ["2026.1122.0412"] };
            expect(await foreign({ previous, versions: [lost] })).toEqual([]);
            expect(await foreign({ previous, versions: [{ ...lost, version: "2026.1121.0409" }] })).toHaveLength(1);
        });

        it("refuses all the same what the stack had, or has", async () => {
            const had = { version: "2026.1122.0412", versions: ["2026.1122.0412"] };
            expect(await foreign({ pin: "2026.1122.0412", previous: had })).toHaveLength(1);
            const has = [{ version: "2026.1122.0412" }];
            expect(await foreign({ pin: "2026.1122.0412", versions: has })).toHaveLength(1);
        });
    });

    it("says nothing of an image that was never this stack's", async () => {
        const image = { profile: { storageProfile: { imageReference: { id: IMAGE_ID } } } };
        expect(await found(definition(), scaleSet(model(image)))).toEqual([]);
    });

    it.each<[string, object, object, string[]]>([
        ["protected and retained", {}, { retained: "2026.1122.0412" }, []],
        ["not protected", { protect: false }, { retained: "2026.1122.0412" }, ["protect must be true"]],
        ["not retained", {}, { retained: "" }, ["retainOnDelete must be true"]],
        ["neither", { protect: false }, {}, ["protect and retainOnDelete must be true"]],
    ])("of one that an earlier run made looks at its options: %s", async (_what, resource, outputs, messages) => {
        const parent = prototype({ adopted: true, versions: ["2026.1122.412"] });
        parent.outputs = { ...parent.outputs, ...outputs };
        const version = imageVersion({}, resource);
        const refused = await found(parent, definition(), capture, version, scaleSet(model(), { parent }));
        expect(refused).toMatchObject(messages.map((text) => ({ message: expect.stringContaining(text) as string })));
    });

    it("lets a pool that comes back to its stack be adopted with the image that the stack left it", async () => {
        const parent = prototype({});
        const adopted = scaleSet(model(), { parent, ignoreChanges: ["*"] });
        expect(await found(parent, selection("2026.1122.412", parent), definition(), adopted)).toEqual([]);
    });

    it("lets one be without that this run makes, since Azure may fail to make it", async () => {
        expect(await found(...pool(imageVersion({}, { protect: false })))).toEqual([]);
    });

    it("warns while it is not known which version the model points at, and still refuses what is known", async () => {
        const unknown = model({ profile: { storageProfile: { imageReference: { id: UNKNOWN } } } });
        const parent = prototype();
        const checked = await found(
            definition(),
            scaleSet(unknown, { name: "pool2" }),
            parent,
            scaleSet(model(), { parent }),
        );
        expect(checked.map(({ level }) => level)).toEqual(["mandatory", "advisory"]);
        expect(checked[1].message).toContain("can't be known during preview");
    });

    it("compares names without case, as Azure does", async () => {
        const id = versionId("2026.1122.412")
            .toUpperCase()
            .replace("/PROVIDERS/MICROSOFT.COMPUTE/", "/providers/Microsoft.Compute/");
        const parent = prototype();
        const shouting = scaleSet(model({ profile: { storageProfile: { imageReference: { id } } } }), { parent });
        expect(await found(parent, definition(), capture, imageVersion(), shouting)).toEqual([]);
    });
});

describe("image-version-in-use-not-failed", () => {
    const found = async (statement: object, failed: object[] = []) => {
        const parent = prototype();
        parent.outputs = { ...parent.outputs, ...statement };
        const selected = selection("2026.1122.412", parent);
        selected.inputs = { ...selected.inputs, failed };
        const resources = [parent, definition(), capture, imageVersion(), selected, scaleSet(model(), { parent })];
        return of("image-version-in-use-not-failed", await pack.checkStack(...resources));
    };
    const failure = { version: "2026.1122.0412", machines: 2, late: ["a", "b"] };

    it("passes a version of which nothing bad is known, or another than the one in use", async () => {
        expect(await found({})).toEqual([]);
        expect(await found({ reject: ["2026.1121.0409"] }, [{ ...failure, version: "2026.1121.0409" }])).toEqual([]);
    });

    it("refuses one that the configuration rejects, by its numbers", async () => {
        const [refused] = await found({ reject: ["2026.1122.0412"] });
        expect(refused).toMatchObject({ level: "mandatory" });
        expect(refused.message).toContain("which the configuration rejects");
    });

    it("refuses one that made no node, and names the machines, unless it is trusted", async () => {
        const [refused] = await found({}, [failure]);
        expect(refused.message).toContain("2 of 2 machines made from it were not Ready in time (a, b)");
        expect(await found({ trust: ["2026.1122.0412"] }, [failure])).toEqual([]);
    });
});
