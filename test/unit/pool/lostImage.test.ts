// An image in use that somebody has deleted: declared as long as the state has it, and never made again.
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { declarable } from "../../../components/pool/imageVersion";
import type { Choice } from "../../../components/selection/nodeSelection";

const [OLD, NEW] = ["2026.1121.0409", "2026.1122.0412"];
const CHOICES = [{ version: OLD }, { version: NEW, missing: true }] as Choice[];

let inState: string[];
let asked: unknown[];

beforeAll(async () => {
    await pulumi.runtime.setMocks(
        {
            newResource: ({ name, inputs }) => ({ id: name, state: inputs as object }),
            call: ({ inputs }) => {
                asked.push(inputs);
                return { outputs: Object.fromEntries(inState.map((urn) => [urn, {}])) };
            },
        },
        "kamino",
        "test",
    );
});

async function declared(choices: Choice[], ...resources: string[]): Promise<string[]> {
    asked = [];
    inState = resources.map((resource) => `urn:pulumi:test::kamino::kamino:index:VmssPrototype$${resource}`);
    const found = await declarable("pool1", { stack: "organization/kamino/test" }, choices);
    return found.map(({ version }) => version);
}

test("it stays as long as the state has it", async () => {
    expect(await declared(CHOICES, `azure-native:compute:GalleryImageVersion::pool1-${NEW}`)).toEqual([OLD, NEW]);
    expect(asked).toEqual([{ stackName: "organization/kamino/test" }]);
});

test.each([
    ["another version", `azure-native:compute:GalleryImageVersion::pool1-${OLD}`],
    ["another pool's", `azure-native:compute:GalleryImageVersion::pool10-${NEW}`],
    ["its capture alone", `pulumi-nodejs:dynamic/kamino:OsDiskCapture::pool1-${NEW}`],
])("it is not made again where the state has %s", async (_what, resource) => {
    expect(await declared(CHOICES, resource)).toEqual([OLD]);
});

test("the state is not asked for as long as the gallery has all images", async () => {
    expect(await declared([CHOICES[0]])).toEqual([OLD]);
    expect(asked).toEqual([]);
});
