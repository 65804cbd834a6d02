// The pure parts of a capture by a copy: where it is cleaned, and the objects by which it is attached there.
import { describe, expect, test } from "vitest";
import { claimOf, copyPod, objectName, volumeOf, type CopyCleaning } from "../../../components/capture/copy/objects";
import { chooseCleanerPlace, type ListedNode } from "../../../components/capture/copy/place";
import { describeWay } from "../../../components/capture/mode";
import { snapshotName } from "../../../components/capture/names";

const SCALE_SET =
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/k8s-pool1-vmss";
const target = {
    pool: "pool1",
    version: "2026.1122.0412",
    node: "k8s-pool1-vmss00000b",
    scaleSetId: SCALE_SET,
    instanceId: "11",
};

describe("where a copy is cleaned", () => {
    const node = (
        name: string,
        change: Partial<ListedNode> & { zone?: string; arch?: string; driver?: string } = {},
    ) => {
        const { zone = "westeurope-1", arch = "amd64", driver, ...rest } = change;
        const labels: Record<string, string> = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": arch,
            "topology.kubernetes.io/zone": zone,
            ...(driver !== undefined && { "topology.disk.csi.azure.com/zone": driver }),
        };
        return { name, labels, annotations: {}, cordoned: false, ready: true, deleting: false, ...rest };
    };
    const choose = (...others: ListedNode[]) => chooseCleanerPlace([node("donor"), ...others], "donor", "westeurope");

    test("is another node of the donor's zone", () => {
        expect(choose(node("b"), node("c", { zone: "westeurope-2" }))).toEqual({ zone: "1", hosts: ["b"] });
    });

    test("is another zone, where the donor's has no other node", () => {
        expect(choose(node("c", { zone: "westeurope-2" }))).toEqual({ zone: "2", hosts: ["c"] });
    });

    test("is the donor only without another node", () => {
        expect(choose()).toEqual({ zone: "1", hosts: ["donor"] });
    });

    test("is in no zone where machines are in none: fault domains are not zones", () => {
        const nodes = [node("donor", { zone: "0" }), node("b", { zone: "1" })];
        expect(chooseCleanerPlace(nodes, "donor", "westeurope")).toEqual({ hosts: ["b"] });
    });

    test.each([
        ["is cordoned", { cordoned: true }],
        ["is not Ready", { ready: false }],
        ["is going away", { deleting: true }],
        ["waits for its reboot", { annotations: { "weave.works/kured-reboot-in-progress": "x" } }],
        ["is of another architecture", { arch: "arm64" }],
    ])("is not a node that %s", (_why, change) => {
        expect(choose(node("b", change))).toEqual({ zone: "1", hosts: ["donor"] });
    });

    test("is a node that the driver runs on, where it is known on which it does", () => {
        expect(choose(node("b"), node("c", { driver: "westeurope-1" }))).toEqual({ zone: "1", hosts: ["c"] });
    });

    test("is nowhere, where no node can", () => {
        expect(chooseCleanerPlace([node("donor", { cordoned: true })], "donor", "westeurope")).toBeUndefined();
    });
});

describe("what attaches a copy and cleans it", () => {
    const cleaning: CopyCleaning = {
        target,
        copy: {
            diskId: "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks/d",
            snapshotId: "",
            capturedAt: "",
            sizeGB: 30,
        },
        namespace: "kamino-capture",
        image: "busybox",
        place: { zone: "2", hosts: ["b", "c"] },
        location: "westeurope",
        rootPartition: 1,
        fileSystem: "ext4",
        cleanPaths: ["/opt/agent/id"],
        kernel: "5.15.0-1050-azure",
        customData: "dropped",
    };

    test("is a volume of that disk's root partition, which Kubernetes never deletes, and whose freed blocks are given back", () => {
        const { spec } = volumeOf(cleaning);
        expect(spec).toMatchObject({
            csi: {
                driver: "disk.csi.azure.com",
                volumeHandle: cleaning.copy.diskId,
                volumeAttributes: { partition: "1" },
            },
            mountOptions: ["discard"],
            persistentVolumeReclaimPolicy: "Retain",
            claimRef: { name: objectName(target), namespace: "kamino-capture" },
        });
        expect(spec?.nodeAffinity?.required?.nodeSelectorTerms[0].matchExpressions?.[0].values).toEqual([
            "westeurope-2",
        ]);
        expect(claimOf(cleaning).spec).toMatchObject({ volumeName: objectName(target), storageClassName: "" });
    });

    test("is a pod without privilege, host path or credentials, on the nodes that were chosen", () => {
        const { spec } = copyPod(cleaning);
        expect(spec).toMatchObject({ automountServiceAccountToken: false, restartPolicy: "Never" });
        expect(spec?.volumes?.flatMap((volume) => Object.keys(volume))).toEqual(["name", "persistentVolumeClaim"]);
        const [{ securityContext, command, env }] = spec!.containers;
        expect(securityContext).toMatchObject({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"], add: ["DAC_OVERRIDE", "FOWNER"] },
        });
        expect(securityContext?.privileged).toBeUndefined();
        expect(command?.[2]).not.toContain(target.node);
        expect(env).toContainEqual({ name: "KAMINO_KERNEL", value: "5.15.0-1050-azure" });
    });

    test("has other names than what an in-place capture leaves: its snapshot is of a disk that nobody cleaned", () => {
        expect(snapshotName(target, "copy")).not.toBe(snapshotName(target));
        expect(snapshotName({ ...target, pool: "p".repeat(80) }, "copy").length).toBeLessThanOrEqual(80);
    });
});

test("a preview's line says which way and why", () => {
    expect(describeWay({ mode: "copy", why: "kamino:capture" })).toMatch(
        /by a copy: the node goes on \(kamino:capture\)/,
    );
    expect(describeWay({ mode: "in-place", why: "no driver" })).toMatch(/drained and off.*\(no driver\)/);
});
