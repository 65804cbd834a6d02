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
        const { labels: more, ...state } = rest;
        const usual = { annotations: {}, cordoned: false, ready: true, deleting: false, taints: [] };
        return { name, labels: { ...labels, ...more }, ...usual, ...state };
    };
    const tainted = (key: string, effect = "NoSchedule", value?: string) => ({ taints: [{ key, effect, value }] });
    const spot = { labels: { "kubernetes.azure.com/scalesetpriority": "spot" } };
    const choose = (...others: ListedNode[]) => chooseCleanerPlace([node("donor"), ...others], "donor", "westeurope");

    test("is another node of the donor's zone", () => {
        expect(choose(node("b"), node("c", { zone: "westeurope-2" }))).toEqual({ zone: "1", hosts: ["b"], taints: [] });
    });

    test("is another zone, where the donor's has no other node", () => {
        expect(choose(node("c", { zone: "westeurope-2" }))).toEqual({ zone: "2", hosts: ["c"], taints: [] });
    });

    test("is the donor only without another node", () => {
        expect(choose()).toEqual({ zone: "1", hosts: ["donor"], taints: [] });
    });

    test("is in no zone where machines are in none: fault domains are not zones", () => {
        const nodes = [node("donor", { zone: "0" }), node("b", { zone: "1" })];
        expect(chooseCleanerPlace(nodes, "donor", "westeurope")).toEqual({ hosts: ["b"], taints: [] });
    });

    test.each([
        ["is cordoned", { cordoned: true }],
        ["is not Ready", { ready: false }],
        ["is going away", { deleting: true }],
        ["waits for its reboot", { annotations: { "weave.works/kured-reboot-in-progress": "x" } }],
        ["is of another architecture", { arch: "arm64" }],
        ["is a control plane", { labels: { "node-role.kubernetes.io/control-plane": "" } }],
        ["is a master, as AKS Engine labels it", { labels: { "kubernetes.io/role": "master" } }],
        ["is being removed by the autoscaler", tainted("ToBeDeletedByClusterAutoscaler")],
        ["is out of service", tainted("node.kubernetes.io/out-of-service", "NoExecute")],
        ["has no room on its disk", tainted("node.kubernetes.io/disk-pressure")],
        ["ends pods that run there", tainted("dedicated", "NoExecute")],
    ])("is not a node that %s", (_why, change) => {
        expect(choose(node("b", change))).toEqual({ zone: "1", hosts: ["donor"], taints: [] });
    });

    test("is a node that the driver runs on, where it is known on which it does", () => {
        expect(choose(node("b"), node("c", { driver: "westeurope-1" }))).toEqual({
            zone: "1",
            hosts: ["c"],
            taints: [],
        });
    });

    test.each([
        ["label", spot],
        ["taint", tainted("kubernetes.azure.com/scalesetpriority", "NoSchedule", "spot")],
    ])("is a spot VM, by its %s, only where there is no other one but the donor", (_by, change) => {
        const other = node("c", { zone: "westeurope-2" });
        expect(choose(node("b", change), other)).toMatchObject({ zone: "2", hosts: ["c"] });
        expect(choose(node("b", change))).toMatchObject({ zone: "1", hosts: ["b"] });
        expect(choose(node("c", { ...change, zone: "westeurope-2" }))).toMatchObject({ zone: "2", hosts: ["c"] });
    });

    test("is a worker of another zone, where the donor's has control planes alone", () => {
        const master = node("a", { labels: { "node-role.kubernetes.io/master": "true" } });
        expect(choose(master, node("c", { zone: "westeurope-2" }))).toMatchObject({ zone: "2", hosts: ["c"] });
    });

    test("is a node whose pool is tainted for other pods, and these taints alone are tolerated", () => {
        const preferred = { key: "weave.works/kured-node-reboot", effect: "PreferNoSchedule" };
        const taints = [...tainted("sku").taints, preferred];
        expect(choose(node("b", { taints }), node("c", tainted("sku")))).toEqual({
            zone: "1",
            hosts: ["b", "c"],
            taints: ["sku"],
        });
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
        place: { zone: "2", hosts: ["b", "c"], taints: ["sku"] },
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
        expect(spec?.tolerations).toEqual([{ key: "sku", operator: "Exists", effect: "NoSchedule" }]);
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

    test("has other names, where an earlier copy of the same target is still attached", () => {
        const [second, third] = [2, 3].map((nth) => ({ ...target, nth }));
        expect(new Set([target, second, third].map(objectName)).size).toBe(3);
        expect(objectName(second)).toMatch(/^copy2-[a-z0-9-]{1,57}$/);
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
