// The packages of an image as a bill of materials that CycloneDX's own schema takes.
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { expect, test } from "vitest";
import { packageBill } from "../../../components/capture/copy/packageBill";
import type { PackageList } from "../../../components/capture/copy/packageList";

const OF = { pool: "pool1", version: "2026.1122.0412", node: "k8s-pool1-09610289-vmss000002" };
const NOW = new Date("2026-11-22T06:00:00Z");
const SYSTEM = { id: "ubuntu", release: "22.04" };

interface Read {
    metadata: { timestamp: string; component: object };
    components: { type: string; name: string; version?: string; purl?: string; "bom-ref": string }[];
}

async function read(list: PackageList): Promise<Read> {
    const text = await packageBill(OF, list, NOW);
    const problems: unknown = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);
    expect(problems).toBeNull();
    return JSON.parse(text) as Read;
}

test("it is of the image, by the pool's name and the version", async () => {
    const { metadata } = await read({ system: SYSTEM, packages: [{ name: "libc6", version: "2.35" }] });
    expect(metadata).toMatchObject({
        timestamp: "2026-11-22T06:00:00.000Z",
        component: {
            ...{ type: "container", name: "pool1", version: "2026.1122.0412" },
            properties: [{ name: "kamino:node", value: "k8s-pool1-09610289-vmss000002" }],
        },
    });
});

test("it has the system, and each package with its URL, by which scanners know the distribution", async () => {
    const packages = [
        { name: "libstdc++6", version: "2:12.3.0-1ubuntu1~22.04", architecture: "amd64" },
        { name: "libc6", version: "2.35", architecture: "i386" },
        { name: "libc6", version: "2.35", architecture: "amd64" },
    ];
    const { components } = await read({ system: SYSTEM, packages });
    expect(components.map(({ type, name, version, purl }) => [type, name, version, purl])).toEqual([
        ["library", "libc6", "2.35", "pkg:deb/ubuntu/libc6@2.35?arch=amd64&distro=ubuntu-22.04"],
        ["library", "libc6", "2.35", "pkg:deb/ubuntu/libc6@2.35?arch=i386&distro=ubuntu-22.04"],
        [
            ...["library", "libstdc++6", "2:12.3.0-1ubuntu1~22.04"],
            "pkg:deb/ubuntu/libstdc%2B%2B6@2:12.3.0-1ubuntu1~22.04?arch=amd64&distro=ubuntu-22.04",
        ],
        ["operating-system", "ubuntu", "22.04", undefined],
    ]);
    expect(new Set(components.map((one) => one["bom-ref"])).size).toBe(components.length);
});

test("a system that does not say what it is has its packages all the same", async () => {
    const { components } = await read({ system: { id: "", release: "" }, packages: [{ name: "a", version: "1" }] });
    expect(components).toMatchObject([{ name: "a", purl: "pkg:deb/a@1" }]);
});
