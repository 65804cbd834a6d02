// The AzureMachineTemplate for an image.
import { describe, expect, it } from "vitest";
import { vmsOf } from "../../../components/capi/machines";
import {
    differsInImageAlone,
    hasImage,
    isOurs,
    isReleased,
    newTemplate,
    referencePatch,
    referrersTo,
    releasePatch,
    templateName,
    withImage,
    type Referrer,
} from "../../../components/capi/template";
import { capiMachines, machine, templateSpec } from "./machinesFacts";

const IMAGE = {
    subscriptionID: "11111111-1111-1111-1111-111111111111",
    ...{ resourceGroup: "capz", gallery: "kamino", name: "default.md1", version: "2026.1116.0412" },
};
const AT = { kind: "MachineDeployment", namespace: "default", name: "md1" } as const;

describe("the template for an image", () => {
    it("is the one that new machines are made from, with another image", () => {
        expect(withImage(templateSpec(), IMAGE)).toEqual({
            template: {
                spec: { vmSize: "Standard_D2s_v3", osDisk: { diskSizeGB: 30 }, image: { computeGallery: IMAGE } },
            },
        });
    });

    it("keeps what else is in it, also what this program has never heard of", () => {
        const spec = {
            template: { ...templateSpec({ zoneBalance: { a: [1] } }).template, metadata: { labels: { a: "b" } } },
        };
        const made = withImage(spec, IMAGE);
        expect(made).toMatchObject({
            template: { metadata: { labels: { a: "b" } }, spec: { zoneBalance: { a: [1] } } },
        });
        expect(differsInImageAlone(spec, made)).toBe(true);
    });

    it("is another one where more than the image differs", () => {
        expect(differsInImageAlone(templateSpec(), templateSpec({ vmSize: "Standard_D4s_v3" }))).toBe(false);
        const labelled = { template: { ...templateSpec().template, metadata: { labels: {} } } };
        expect(differsInImageAlone(templateSpec(), labelled)).toBe(false);
    });

    it("belongs to the Cluster, and takes over no label or annotation", () => {
        const metadata = { labels: { "app.kubernetes.io/instance": "argo" }, annotations: { a: "b" } };
        const capi = capiMachines({ template: { metadata } });
        const made = newTemplate("md1-1", templateSpec(), AT, capi) as ReturnType<typeof capiMachines>["template"];
        expect(made.metadata).toEqual({
            ...{ name: "md1-1", namespace: "default" },
            labels: { "app.kubernetes.io/managed-by": "kamino" },
            annotations: { "kamino/machines": "MachineDeployment default/md1" },
            ownerReferences: [{ apiVersion: "cluster.x-k8s.io/v1beta2", kind: "Cluster", name: "c1", uid: "c1-uid" }],
        });
        expect(isOurs(made, AT)).toBe(true);
        expect(isOurs(made, { ...AT, kind: "MachineSet" })).toBe(false);
        expect(isOurs(capi.template, AT)).toBe(false);
    });
});

describe("its name", () => {
    const wanted = withImage(templateSpec(), IMAGE);

    it("is that of the machines and the version", () => {
        expect(templateName("md1", IMAGE.version, wanted)).toBe("md1-2026.1116.0412");
        expect(templateName("md1", IMAGE.version, wanted, structuredClone(wanted))).toBe("md1-2026.1116.0412");
    });

    it("has a digest where a template of that name makes other machines, the same one each time", () => {
        const other = withImage(templateSpec({ vmSize: "Standard_D4s_v3" }), IMAGE);
        const named = templateName("md1", IMAGE.version, wanted, other);
        expect(named).toMatch(/^md1-2026\.1116\.0412-[0-9a-f]{8}$/);
        const { osDisk, ...rest } = wanted.template.spec;
        const reordered = { template: { spec: { osDisk, ...rest } } };
        expect(templateName("md1", IMAGE.version, reordered, other)).toBe(named);
    });

    it("is never too long for an object", () => {
        expect(templateName("m".repeat(253), IMAGE.version, wanted, templateSpec()).length).toBeLessThanOrEqual(253);
    });
});

describe("a template that left the stack", () => {
    const refers = (kind: string, name: string, template: string, of = "AzureMachineTemplate"): Referrer => ({
        ...{ kind, metadata: { name } },
        spec: { template: { spec: { infrastructureRef: { kind: of, name: template } } } },
    });

    it("stays as long as something makes machines from it", () => {
        const all = [
            refers("MachineSet", "a", "t1"),
            refers("MachineDeployment", "b", "t2"),
            refers("MachineSet", "c", "t1"),
        ];
        expect(referrersTo("t1", all)).toEqual(["MachineSet a", "MachineSet c"]);
        expect(referrersTo("t3", all)).toEqual([]);
        expect(referrersTo("t1", [refers("MachineSet", "a", "t1", "OtherTemplate")])).toEqual([]);
    });

    it("says so, until it is used again", () => {
        expect(releasePatch(true)).toEqual({ metadata: { annotations: { "kamino/released": "true" } } });
        expect(releasePatch(false)).toEqual({ metadata: { annotations: { "kamino/released": null } } });
        const template = { metadata: { annotations: { "kamino/released": "true" } }, spec: templateSpec() };
        expect(isReleased(template)).toBe(true);
        expect(isReleased({ ...template, metadata: {} })).toBe(false);
    });
});

it("a reference is one field, and only of the object that was looked at", () => {
    expect(referencePatch("md1-1", "7")).toEqual({
        metadata: { resourceVersion: "7" },
        spec: { template: { spec: { infrastructureRef: { name: "md1-1" } } } },
    });
});

it("somebody else's template may have the image already", () => {
    const spec = withImage(templateSpec({ vmSize: "Standard_D4s_v3" }), IMAGE);
    expect(hasImage(capiMachines({ template: { metadata: { name: "big" }, spec } }), IMAGE)).toBe(true);
    expect(hasImage(capiMachines(), IMAGE)).toBe(false);
});

it("machines are VMs once they have a provider id, in the order of their names", () => {
    const young = { metadata: { name: "md1-c" }, spec: {} };
    const ofScaleSet = {
        metadata: { name: "x" },
        spec: {
            providerID:
                "azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/a/virtualMachines/0",
        },
    };
    const machines = [machine("md1-b"), young, machine("md1-a"), ofScaleSet];
    expect(vmsOf(capiMachines({ machines })).map(({ name, node }) => [name, node])).toEqual([
        ["md1-a", "md1-a"],
        ["md1-b", "md1-b"],
    ]);
});
