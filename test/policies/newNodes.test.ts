// The policy on nodes that are added after a bump: not unless somebody has allowed it.
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { model, prototype, scaleSet } from "./examples";
import { Pack, type Resource } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterEach(() => pack.configure({}));
afterAll(() => pack.stop());

const POLICY = "new-nodes-allowed";

const newNodes = (nodes: number): Resource => ({
    type: "pulumi-nodejs:dynamic/kamino:NewUpdatedNodes",
    name: "pool1-2026.1122.412",
    inputs: { pool: "pool1", version: "2026.1122.412", nodes },
    parent: prototype(),
});

it("refuses any, unless its options say how many", async () => {
    expect(await pack.check(newNodes(1))).toEqual([
        {
            policy: POLICY,
            level: "mandatory",
            message: expect.stringContaining(
                'newUpdatedNodes of pool pool1 would add 1 after a bump, and none may be added: allow it by "new-nodes-allowed": ' +
                    '{ "maxNewNodes": 1 }, or take the setting away.',
            ) as string,
        },
    ]);
});

it("lets as many be added as its options say, and no more", async () => {
    await pack.configure({ [POLICY]: { maxNewNodes: 2 } });
    expect(await pack.check(newNodes(1))).toEqual([]);
    expect(await pack.check(newNodes(2))).toEqual([]);
    expect(await pack.check(newNodes(3))).toMatchObject([{ policy: POLICY, level: "mandatory" }]);
});

it.each([0, -1, 1.5])("refuses %d, which is no number of nodes", async (nodes) => {
    await pack.configure({ [POLICY]: { maxNewNodes: 2 } });
    expect(await pack.check(newNodes(nodes))).toMatchObject([{ policy: POLICY }]);
});

it("lets no model declare a capacity, whatever its options say", async () => {
    await pack.configure({ [POLICY]: { maxNewNodes: 2 } });
    const found = await pack.check(scaleSet(model({ sku: { name: "Standard_D2s_v3", capacity: 5 } })));
    expect(found.map(({ policy }) => policy)).toEqual(["scale-set-capacity-not-declared"]);
});
