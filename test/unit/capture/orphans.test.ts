// Which cleaned disks of earlier runs nothing needs any more.
import { expect, test } from "vitest";
import { isOrphan } from "../../../components/capture/copy/orphans";

const NOW = Date.parse("2026-11-23T04:12:00Z");
const target = { pool: "pool1", version: "2026.1123.0412" };
const facts = { stack: "organization/kamino/prod", kept: ["2026.1120.0412", "2026.1123.0412"] };
const tags = {
    ...{ "managed-by": "kamino", "kamino-stack": facts.stack, pool: "pool1", version: "2026.1122.0412" },
    captured: "2026-11-22T05:00:00Z",
};
const orphan = (change: Record<string, string | undefined> = {}) => {
    const changed = Object.entries({ ...tags, ...change }).filter(([, value]) => value !== undefined);
    return isOrphan({ tags: Object.fromEntries(changed) }, target, facts, NOW);
};

test("a disk that was cleaned for an older image which the stack does not keep is one that nothing needs", () => {
    expect(orphan()).toBe(true);
});

test.each([
    ["another stack's", { "kamino-stack": "organization/kamino/test" }],
    ["of a version that did not say whose it is", { "kamino-stack": undefined }],
    ["another pool's", { pool: "pool10" }],
    ["of an image that the stack keeps, with keepSnapshots", { version: "2026.1120.0412" }],
    ["the one that is being captured", { version: "2026.1123.0412" }],
    ["of a newer image", { version: "2026.1124.0412" }],
    ["without a version", { version: undefined }],
    ["of a name that is no version", { version: "x" }],
    ["cleaned a moment ago, perhaps by another run", { captured: "2026-11-23T03:30:00Z" }],
    ["without the moment of its capture", { captured: undefined }],
])("a disk is left alone that is %s", (_what, change) => {
    expect(orphan(change)).toBe(false);
});
