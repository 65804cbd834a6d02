// How long images took, by the moments in a stack's state.
import { expect, test } from "vitest";
import { imageSecondsIn } from "../../../runner/imageTimes";

const URN = "urn:pulumi:prod::kamino::kamino:index:VmssPrototype";
const of = (pool: string, type: string, version: string, created?: string) => ({
    ...{ type, urn: `${URN}$${type}::${pool}-${version}`, parent: `${URN}::${pool}` },
    ...(created !== undefined && { created }),
});
const capture = (pool: string, version: string, created?: string) =>
    of(pool, "pulumi-nodejs:dynamic/kamino:OsDiskCapture", version, created);
const image = (pool: string, version: string, created?: string) =>
    of(pool, "azure-native:compute:GalleryImageVersion", version, created);
const [OLD, NEW] = ["2026.1121.0409", "2026.1122.0412"];

test("each pool's last image took from its capture to its own moment", () => {
    expect(
        imageSecondsIn([
            capture("pool1", OLD, "2026-11-21T05:00:00Z"),
            image("pool1", OLD, "2026-11-21T05:40:00Z"),
            image("pool1", NEW, "2026-11-22T05:54:10.5Z"),
            capture("pool1", NEW, "2026-11-22T05:00:00Z"),
            capture("pool2", NEW, "2026-11-22T05:00:00Z"),
            image("pool2", NEW, "2026-11-22T06:05:00Z"),
        ]),
    ).toEqual({ pool1: 3251, pool2: 3900 });
});

test.each<[string, ReturnType<typeof image>[]]>([
    ["the engine has not kept the moments", [capture("pool1", NEW), image("pool1", NEW)]],
    ["the image is still to come", [capture("pool1", NEW, "2026-11-22T05:00:00Z")]],
    ["there is no capture any more", [image("pool1", NEW, "2026-11-22T05:54:00Z")]],
    [
        "a later run has made the image",
        [capture("pool1", NEW, "2026-11-22T05:00:00Z"), image("pool1", NEW, "2026-11-23T05:54:00Z")],
    ],
    ["nothing is there", []],
])("it is not known where %s", (_, resources) => {
    expect(imageSecondsIn(resources)).toEqual({});
});
