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
`;

interface Settings {
    config: { "kamino:pools": { maximumImageAge?: string }[] };
}

const ages = (text: string) => (parse(text) as Settings).config["kamino:pools"].map((pool) => pool.maximumImageAge);

test.each([
    ["k8s-pool1-12345678-vmss", ["1m", undefined, undefined]],
    ["pool2", ["30d", "1m", undefined]],
    ["k8s-pool2-12345678-vmss", ["30d", "1m", undefined]],
])("%s is the only pool whose image is too old", (pool, expected) => {
    expect(ages(retakeSettings(SETTINGS, pool, "Pulumi.prod.yaml"))).toEqual(expected);
});

test("everything else stays, encrypted secrets and comments included", () => {
    const changed = retakeSettings(SETTINGS, "pool2", "Pulumi.prod.yaml");
    expect(changed).toContain("encryptionsalt: v1:abc\n");
    expect(changed).toContain("secure: v1:xyz # stays encrypted\n");
    expect(changed).toContain("maximumImageAge: 30d\n");
});

test.each([
    [
        SETTINGS,
        "pool9",
        'there is no pool "pool9" in Pulumi.prod.yaml; its pools: k8s-pool1-12345678-vmss, pool2, pool3',
    ],
    [SETTINGS, "pool3", 'pool "pool3" is pinned to an image; remove its pin from Pulumi.prod.yaml first'],
    ["config:\n    kamino:pools: all\n", "a", "its pools: none"],
    ["", "a", "its pools: none"],
])("%#: a pool that cannot be retaken is refused in one line", (text, pool, message) => {
    expect(() => retakeSettings(text, pool, "Pulumi.prod.yaml")).toThrow(message);
    expect(() => retakeSettings(text, pool, "Pulumi.prod.yaml")).not.toThrow("\n");
});
