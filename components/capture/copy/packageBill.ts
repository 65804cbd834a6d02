// The packages of an image as a bill of materials in CycloneDX's JSON, which scanners and inventories read. The
// libraries are loaded here, and so only in a run that is to write one.
import { randomUUID } from "node:crypto";
import type { Target } from "../names";
import type { InstalledPackage, PackageList } from "./packageList";

/** What the bill is of: an image version, and the node whose disk it is made of. */
export type BillOf = Pick<Target, "pool" | "version" | "node">;

/** The bill, as text. Package URLs are as in https://github.com/package-url/purl-spec (type deb). */
export async function packageBill({ pool, version, node }: BillOf, list: PackageList, now: Date): Promise<string> {
    const [{ Enums, Models, Serialize, Spec }, { PackageURL }] = await Promise.all([
        import("@cyclonedx/cyclonedx-library"),
        import("packageurl-js"),
    ]);
    const { Bom, Component, ComponentRepository, Metadata, Property, PropertyRepository, Tools, ToolRepository, Tool } =
        Models;
    const { id, release } = list.system;
    // CycloneDX has no word for the image of a virtual machine. A container is, for it, any format that is packaged and
    // isolated by virtualization.
    const image = new Component(Enums.ComponentType.Container, pool, {
        version,
        bomRef: `${pool}@${version}`,
        properties: new PropertyRepository([new Property("kamino:node", node)]),
    });
    const system = new Component(Enums.ComponentType.OperatingSystem, id, {
        ...(release !== "" && { version: release }),
        bomRef: `${id}@${release}`,
    });
    const components = list.packages.map((one) => {
        const purl = urlOf(one);
        return new Component(Enums.ComponentType.Library, one.name, { version: one.version, purl, bomRef: purl });
    });
    const bill = new Bom({
        serialNumber: `urn:uuid:${randomUUID()}`,
        metadata: new Metadata({
            timestamp: now,
            component: image,
            tools: new Tools({ tools: new ToolRepository([new Tool({ name: "kamino" })]) }),
        }),
        components: new ComponentRepository([...(id === "" ? [] : [system]), ...components]),
    });
    const normalizer = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
    return `${new Serialize.JsonSerializer(normalizer).serialize(bill, { sortLists: true, space: 2 })}\n`;

    function urlOf({ name, version, architecture }: InstalledPackage): string {
        const qualifiers = {
            ...(architecture !== undefined && { arch: architecture }),
            ...(id !== "" && release !== "" && { distro: `${id}-${release}` }),
        };
        return new PackageURL("deb", id === "" ? undefined : id, name, version, qualifiers, undefined).toString();
    }
}
