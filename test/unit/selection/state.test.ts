// What is kept in the stack's state: read as earlier versions wrote it, and no change where nothing changed.
import { describe, expect, it } from "vitest";
import { readState, type StoredSelectionState } from "../../../components/selection/nodeSelection";
import { diff } from "../../../components/selection/provider";

const earlier: StoredSelectionState = {
    ...{
        pool: "pool1",
        scaleSetId: "/x",
        kubernetes: {},
        current: "2026.1122.0412",
        currentNode: "n",
        explanation: "",
    },
    versions: [{ version: "2026.1122.0412", node: "n", instanceId: "1", patched: "2026-11-22T04:12:09Z", attempt: 1 }],
    restore: ["m"],
};

describe("the state of an earlier version", () => {
    it("tells the moment of the need and the nodes to recover by their earlier names, and keeps what the image's tag is called", () => {
        const { versions, nodesToRecover } = readState(earlier);
        expect(nodesToRecover).toEqual(["m"]);
        expect(versions).toEqual([{ ...earlier.versions![0], rebootNeededAt: "2026-11-22T04:12:09Z" }]);
        expect(readState({})).toEqual({ nodesToRecover: undefined, versions: undefined });
    });

    it("is not a change by its names alone", async () => {
        const { versions = [], ...rest } = readState(earlier);
        const news = { ...rest, versions } as Parameters<typeof diff>[2];
        expect(await diff("pool1", earlier, news)).toEqual({ changes: false });
        expect(await diff("pool1", earlier, { ...news, nodesToRecover: ["other"] })).toEqual({ changes: true });
        expect(await diff("pool1", earlier, { ...news, givenUp: [{ version: "1.2.3", node: "n" }] })).toEqual({
            changes: true,
        });
    });
});
