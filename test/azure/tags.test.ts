// Tags of a scale set at its scope: read, merged, replaced and deleted apart from the rest of it.
import { expect, test } from "vitest";
import { at, azure, get, GROUP, pool, send, useScaleSets } from "./scaleSetWire";
import { sender } from "./support";

useScaleSets();

const API = "api-version=2021-04-01";
const url = () => at(`${pool.id}/providers/Microsoft.Resources/tags/default`, API);
const patch = (operation: string, tags: Record<string, string>) =>
    send("PATCH", url(), { operation, properties: { tags } });
const tagsNow = async () => (await get()).body.tags;

test("are read as a resource of their own", async () => {
    const { status, body } = await send("GET", url());
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: "default", type: "Microsoft.Resources/tags" });
    expect(body.properties.tags).toEqual(await tagsNow());
});

test("a merge adds and changes; a name is the same in any casing", async () => {
    await patch("Replace", { a: "1", b: "2" });
    const { status, body } = await patch("Merge", { A: "3", c: "4" });
    expect([status, body.properties.tags]).toEqual([200, { b: "2", A: "3", c: "4" }]);
    expect(await tagsNow()).toEqual({ b: "2", A: "3", c: "4" });
});

test("a delete takes tags of this name and value, or of this name with any", async () => {
    await patch("Replace", { a: "1", b: "2", c: "3" });
    expect((await patch("Delete", { a: "", b: "2", c: "other" })).body.properties.tags).toEqual({ c: "3" });
});

test("another operation, or none, is refused", async () => {
    expect((await patch("Add", {})).status).toBe(400);
    expect((await send("PATCH", url(), { properties: { tags: {} } })).status).toBe(400);
});

test("a scale set that is not there has none", async () => {
    const missing = url().replace(pool.name, "nothing");
    expect((await send("GET", missing)).body.error.code).toBe("ResourceNotFound");
});

test("take the right to write tags, which is not the right to write the scale set", async () => {
    const tagger = azure.principals.add({
        name: "tagger",
        assignments: [{ scope: pool.id, role: { actions: ["Microsoft.Resources/tags/*"] } }],
    });
    const asTagger = await sender(azure, tagger);
    const body = { operation: "Merge", properties: { tags: { team: "a" } } };
    expect((await asTagger("PATCH", url(), body)).status).toBe(200);
    expect((await asTagger("PATCH", at(pool.id), { tags: { team: "b" } })).status).toBe(403);
    const writer = azure.principals.add({
        name: "writer",
        assignments: [{ scope: pool.id, role: { actions: ["Microsoft.Compute/*"] } }],
    });
    expect((await (await sender(azure, writer))("PATCH", url(), body)).status).toBe(403);
});

test("one that a policy demands stays", async () => {
    await patch("Merge", { owner: "me" });
    const scope = pool.id.slice(0, pool.id.indexOf("/providers/"));
    expect(scope).toContain(GROUP);
    azure.policies.requireTag({ tag: "owner", scope });
    try {
        expect((await patch("Delete", { owner: "me" })).body.error.code).toBe("RequestDisallowedByPolicy");
        expect((await patch("Replace", { owner: "you" })).status).toBe(200);
    } finally {
        azure.policies.clear();
    }
});
