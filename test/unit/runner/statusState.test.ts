// What `npm run status` takes from a stack's state.
import { describe, expect, it } from "vitest";
import { poolsIn } from "../../../runner/status/state";

const URN = "urn:pulumi:prod::kamino::";
const DEFINITION = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/pool1";
const output = { scaleSetId: "/x", version: "", versions: [], explanation: "", adopted: true };
const stack = { urn: `${URN}pulumi:pulumi:Stack::kamino-prod`, type: "pulumi:pulumi:Stack" };
const selection = (pool: string, outputs: Record<string, unknown>) => ({
    urn: `${URN}kamino:index:VmssPrototype$pulumi-nodejs:dynamic/kamino:NodeSelection::${pool}`,
    type: "pulumi-nodejs:dynamic/kamino:NodeSelection",
    outputs,
});
const image = (pool: string, id: string) => ({
    urn: `${URN}kamino:index:VmssPrototype$azure-native:compute:GalleryImageVersion::${pool}-1`,
    type: "azure-native:compute:GalleryImageVersion",
    parent: `${URN}kamino:index:VmssPrototype::${pool}`,
    id,
});

describe("the pools of a stack's state", () => {
    it("are those of its outputs, each with its own selection and image definition", () => {
        const versions = [{ version: "2026.1122.0412", node: "a", instanceId: "1", rebootNeededAt: "", attempt: 1 }];
        const pools = poolsIn([
            { ...stack, outputs: { pools: { pool1: output, pool2: output } } },
            ...[selection("pool1", { versions }), image("pool1", `${DEFINITION}/versions/2026.1122.0412`)],
            ...[selection("pool2", {}), image("pool22", `${DEFINITION}/versions/2026.1122.0412`)],
        ]);
        expect(pools?.get("pool1")).toEqual({ output, selection: { versions }, definition: DEFINITION });
        expect(pools?.get("pool2")).toEqual({ output, selection: {}, definition: undefined });
    });

    it("have what their finished images were made of", () => {
        const capture = (pool: string, version: string, snapshotId: string) => ({
            urn: `${URN}kamino:index:VmssPrototype$pulumi-nodejs:dynamic/kamino:OsDiskCapture::${pool}-${version}`,
            type: "pulumi-nodejs:dynamic/kamino:OsDiskCapture",
            parent: `${URN}kamino:index:VmssPrototype::${pool}`,
            outputs: { snapshotId },
        });
        const pools = poolsIn([
            { ...stack, outputs: { pools: { pool1: output, pool2: output } } },
            // The second one of the first pool has no image yet.
            ...[capture("pool1", "1", "/Disks/a"), image("pool1", `${DEFINITION}/versions/1`)],
            ...[capture("pool1", "2", "/disks/b"), capture("pool2", "1", "/disks/c")],
        ]);
        expect(pools?.get("pool1")?.sources).toEqual(["/disks/a"]);
        expect(pools?.get("pool2")).not.toHaveProperty("sources");
    });

    it("have the nodes that were added to prove their images", () => {
        const added = (pool: string, version: string, count: number) => ({
            urn: `${URN}kamino:index:VmssPrototype$pulumi-nodejs:dynamic/kamino:NewUpdatedNodes::${pool}-${version}`,
            type: "pulumi-nodejs:dynamic/kamino:NewUpdatedNodes",
            outputs: { pool, version, nodes: 1, scaleSetId: "/x", added: count, outcome: "capacity 4 → 5" },
        });
        const pools = poolsIn([
            { ...stack, outputs: { pools: { pool1: output, pool2: output } } },
            ...[added("pool1", "2026.1121.0409", 0), added("pool1", "2026.1122.0412", 1)],
        ]);
        expect(pools?.get("pool1")?.newNodes).toEqual([
            { version: "2026.1121.0409", added: 0, outcome: "capacity 4 → 5" },
            { version: "2026.1122.0412", added: 1, outcome: "capacity 4 → 5" },
        ]);
        expect(pools?.get("pool2")).not.toHaveProperty("newNodes");
    });

    it("are read as earlier versions wrote them", () => {
        const versions = [{ version: "2026.1122.0412", node: "a", instanceId: "1", patched: "P", attempt: 1 }];
        const resources = [{ ...stack, outputs: { pools: { pool1: output } } }, selection("pool1", { versions })];
        expect(poolsIn(resources)?.get("pool1")?.selection.versions).toMatchObject([{ rebootNeededAt: "P" }]);
    });

    it("are not known before the first successful update", () => {
        expect([poolsIn([]), poolsIn([{ ...stack, outputs: {} }]), poolsIn([stack])]).toEqual([
            undefined,
            undefined,
            undefined,
        ]);
    });
});
