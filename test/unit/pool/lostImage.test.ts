// An image in use that somebody has deleted: declared as long as the state has it, and never made again.
import { expect, test } from "vitest";
import { stateOf } from "../../../components/engine/stackState";
import { declarable } from "../../../components/pool/keepImages";
import type { Choice } from "../../../components/selection/nodeSelection";

const [OLD, NEW] = ["2026.1121.0409", "2026.1122.0412"];
const CHOICES = [{ version: OLD }, { version: NEW, missing: true }] as Choice[];

function declared(...resources: string[]): string[] {
    const urns = resources.map((resource) => `urn:pulumi:test::kamino::kamino:index:VmssPrototype$${resource}`);
    const state = stateOf(Object.fromEntries(urns.map((urn) => [urn, {}])));
    return declarable("pool1", { state, previous: {} }, CHOICES).map(({ version }) => version);
}

test("it stays as long as the state has it", () => {
    expect(declared(`azure-native:compute:GalleryImageVersion::pool1-${NEW}`)).toEqual([OLD, NEW]);
});

test.each([
    ["another version", `azure-native:compute:GalleryImageVersion::pool1-${OLD}`],
    ["another pool's", `azure-native:compute:GalleryImageVersion::pool10-${NEW}`],
    ["its capture alone", `pulumi-nodejs:dynamic/kamino:OsDiskCapture::pool1-${NEW}`],
])("it is not made again where the state has %s", (_what, resource) => {
    expect(declared(resource)).toEqual([OLD]);
});

test.each([
    [
        [OLD, NEW],
        [OLD, NEW],
    ],
    [[OLD], [OLD]],
])("where the state cannot be read the last update tells: it had %j", (versions, found) => {
    expect(declarable("pool1", { previous: { versions } }, CHOICES).map(({ version }) => version)).toEqual(found);
});
