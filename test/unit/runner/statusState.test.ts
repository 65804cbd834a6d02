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
