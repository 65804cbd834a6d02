// Settings for a run that takes a new image of one pool.
import { expect, test } from "vitest";
import { parse } from "yaml";
import { retakeSettings } from "../../../runner/retake";

const SETTINGS = `encryptionsalt: v1:abc
config:
    azure-native:clientSecret:
        secure: v1:xyz # stays encrypted
    kamino:resourceGroup: my-cluster
    kamino:pools:
        - scaleSet: k8s-pool1-12345678-vmss
          maximumImageAge: 30d
        - name: pool2
          scaleSet: /subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/k8s-pool2-12345678-vmss
        - name: pool3
          scaleSet: k8s-pool3-12345678-vmss
          pin: 2026.1121.0409
        - machinePool: capi/mp1
`;

const versions = {
    mp1: ["2026.1121.0409"],
    "k8s-pool1-12345678-vmss": ["2026.1121.0409"],
    // The model may have gone back to the older one, since no machine of the newer one came up.
    pool2: ["2026.1121.0409", "2026.1119.0409"],
    pool4: [],
};
const facts = { versions, now: new Date("2026-11-22T04:12:30Z") };
const DAY = `${24 * 60 + 3}m`;

interface Settings {
    config: { "kamino:pools": { maximumImageAge?: string }[] };
}

const ages = (text: string) => (parse(text) as Settings).config["kamino:pools"].map((pool) => pool.maximumImageAge);

test.each([
    ["k8s-pool1-12345678-vmss", [DAY, undefined, undefined, undefined]],
    ["pool2", ["30d", DAY, undefined, undefined]],
    ["k8s-pool2-12345678-vmss", ["30d", DAY, undefined, undefined]],
    ["mp1", ["30d", undefined, undefined, DAY]],
    ["capi/mp1", ["30d", undefined, undefined, DAY]],
])("%s is the only pool whose image is too old", (pool, expected) => {
    expect(ages(retakeSettings(SETTINGS, pool, "Pulumi.prod.yaml", facts))).toEqual(expected);
});

test("everything else stays, encrypted secrets and comments included", () => {
    const changed = retakeSettings(SETTINGS, "pool2", "Pulumi.prod.yaml", facts);
    expect(changed).toContain("encryptionsalt: v1:abc\n");
    expect(changed).toContain("secure: v1:xyz # stays encrypted\n");
    expect(changed).toContain("maximumImageAge: 30d\n");
});

test("the version that a preview names is the one that an up names some minutes later", () => {
    const age = 24 * 60 + 3;
    const steps = (minutesLater: number) => Math.floor((age + minutesLater) / age);
    expect([0, 1, 30, 600].map(steps)).toEqual([1, 1, 1, 1]);
});

test("an image of this minute is not taken again", () => {
    const now = new Date("2026-11-21T04:09:59Z");
    expect(() => retakeSettings(SETTINGS, "pool2", "f", { versions, now })).toThrow("is not a minute old");
});

test.each([
    [
        SETTINGS,
        "pool9",
        'there is no pool "pool9" in Pulumi.prod.yaml; its pools: k8s-pool1-12345678-vmss, pool2, pool3',
    ],
    [SETTINGS, "pool3", 'pool "pool3" is pinned to an image; remove its pin from Pulumi.prod.yaml first'],
    [SETTINGS.replaceAll("pool2", "pool4"), "pool4", 'pool "pool4" has no image yet; npm run up takes the first one'],
    ["config:\n    kamino:pools: all\n", "a", "its pools: none"],
    ["", "a", "its pools: none"],
])("%#: a pool that cannot be retaken is refused in one line", (text, pool, message) => {
    expect(() => retakeSettings(text, pool, "Pulumi.prod.yaml", facts)).toThrow(message);
    expect(() => retakeSettings(text, pool, "Pulumi.prod.yaml", facts)).not.toThrow("\n");
});
