// The policy on what somebody else changed: it compares what the last run recorded with what the program read at the
// start of this one.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { PreviousPool, PrototypeStatement } from "../../policies/contract";
import { recordOf } from "../../policies/contract";
import { GALLERY_ID, before, model, versionId } from "./examples";
import { Pack, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterEach(() => pack.configure({}));
afterAll(() => pack.stop());

const POLICY = "scale-set-foreign-changes-decided";
const SCRIPT = { name: "vmssCSE", publisher: "Microsoft.Azure.Extensions", type: "CustomScript" };
const AGENT = { name: "Agent", publisher: "Contoso", type: "Agent" };
const previous = before();
const image = (imageReference: object) => ({ profile: { storageProfile: { imageReference } } });
const left = image({ id: versionId("2026.1121.409") });

/** What others have changed of a pool whose model is now this one, and was left by the last run as `before()` says. */
function found(live: object, change: PrototypeStatement = {}, last: PreviousPool = previous) {
    const statement = {
        imageDefinitionId: `${GALLERY_ID}/images/pool1`,
        previous: last,
        live: recordOf(live),
        ...change,
    };
    const type = "pulumi-nodejs:dynamic/kamino:ForeignChanges";
    const resource: Resource = { type, name: "pool1", inputs: { pool: "pool1", changes: {}, statement } };
    return pack.check(resource);
}

it("passes a pool that nobody else has changed, and one that the last run did not adopt", async () => {
    expect(await found(model(left))).toEqual([]);
    expect(await found(model(image({ offer: "aks" })), {}, {})).toEqual([]);
});

it.each<[string, object]>([
    ["image", model(image({ publisher: "microsoft-aks", offer: "aks", sku: "x", version: "1" }))],
    ["extension vmssCSE", model({ profile: { ...left.profile, extensionProfile: { extensions: [SCRIPT] } } })],
    ["upgradePolicy", model({ ...left, upgradePolicy: { mode: "Manual", rollingUpgradePolicy: { maxSurge: true } } })],
])("refuses one whose %s was changed, unless the configuration decides about it", async (what, live) => {
    expect(await found(live)).toMatchObject([
        { policy: POLICY, level: "mandatory", message: expect.stringContaining(what) as string },
    ]);
    expect(await found(live, { onForeignChange: "stop" })).toHaveLength(1);
    expect(await found(live, { onForeignChange: "restore" })).toEqual([]);
    expect(await found(live, { onForeignChange: "adopt" })).toEqual([]);
});

it("lets an organisation allow one decision only", async () => {
    await pack.configure({ [POLICY]: { decisions: ["adopt"] } });
    const live = model(image({ offer: "aks" }));
    expect(await found(live, { onForeignChange: "restore" })).toHaveLength(1);
    expect(await found(live, { onForeignChange: "adopt" })).toEqual([]);
});

it("passes an agent that Azure Policy added: it stays", async () => {
    const live = model({ profile: { ...left.profile, extensionProfile: { extensions: [AGENT] } } });
    expect(await found(live)).toEqual([]);
});

it("passes the pinned version, and one that an update made which failed later", async () => {
    const known = { ...previous, versions: ["2026.1120.409", "2026.1121.409"] };
    expect(await found(model(image({ id: versionId("2026.1120.0409") })), {}, known)).toHaveLength(1);
    expect(await found(model(image({ id: versionId("2026.1120.0409") })), { pin: "2026.1120.409" }, known)).toEqual([]);
    expect(await found(model(image({ id: versionId("2026.1122.412") })), {}, known)).toEqual([]);
});
