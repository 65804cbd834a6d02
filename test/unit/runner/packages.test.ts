// The packages of images that scheduled runs have made, in the report's ConfigMap.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { compressed, withPackages } from "../../../runner/packages";

test("the lists in a folder are compressed, and all else in it is left", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kamino lists "));
    try {
        writeFileSync(join(folder, "pool1-2026.1122.0412.cdx.json"), "{}");
        writeFileSync(join(folder, "notes.txt"), "");
        const lists = await compressed(folder);
        expect(Object.keys(lists)).toEqual(["pool1-2026.1122.0412.cdx.json.gz"]);
        expect(gunzipSync(Buffer.from(Object.values(lists)[0], "base64")).toString()).toBe("{}");
    } finally {
        rmSync(folder, { recursive: true });
    }
});

test.each(["", "/there/is/no/such/folder"])("there are none in %j", async (folder) => {
    expect(await compressed(folder)).toEqual({});
});

const [OLD, NEW, OTHER] = ["pool1-2026.1121.0412", "pool1-2026.1122.0412", "pool2-2026.1121.0412"].map(
    (name) => `${name}.cdx.json.gz`,
);

test("a pool's list takes the place of its last one, and those of other pools stay", () => {
    expect(withPackages({ [OLD]: "b2xk", [OTHER]: "b3RoZXI=" }, { [NEW]: "bmV3" })).toEqual({
        ...{ [NEW]: "bmV3", [OTHER]: "b3RoZXI=" },
    });
    expect(withPackages({ [OLD]: "b2xk" }, {})).toEqual({ [OLD]: "b2xk" });
});

test("what a ConfigMap has no room for is left out, the lists of this run last", () => {
    const large = "x".repeat(800_000);
    expect(Object.keys(withPackages({ [OTHER]: large }, { [NEW]: large }))).toEqual([NEW]);
    expect(withPackages({}, { [NEW]: large + large })).toEqual({});
});
