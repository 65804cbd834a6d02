// A disk that is attached to a running machine, mounted by its kubelet and cleaned by the product's pod there: what the
// Azure Disk CSI driver does on a real node, with a `local` volume in its place.
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from "@kubernetes/client-node";
import { CLEAN, claimOf, copyPod, volumeOf, type CopyCleaning } from "../../components/capture/copy/objects";
import { ensureNamespace, messageOf, reasonOf } from "../../components/capture/pods";
import { CUSTOM_DATA_LOG } from "../../sandbox/vm/joining";
import type { Machine } from "../../sandbox/vm/machine";
import { IMAGE, waitWith, type Lab } from "./lab";

/** Where the product's pods run. */
const NAMESPACE = "kamino";
/** After the OS disk and the provisioning disk. */
const DEVICE = "/dev/vdc";
/** The device's names in QEMU. */
const FILE = "copy-file";
const DISK = "copy-disk";

/** Attaches a raw file to the machine as one more disk, for as long as `use` runs. */
export async function withDiskAttached<T>(
    machine: Machine,
    file: string,
    use: (device: string) => Promise<T>,
): Promise<T> {
    await machine.qmp(
        [
            "blockdev-add",
            {
                driver: "raw",
                "node-name": FILE,
                discard: "unmap",
                file: { driver: "file", filename: file, discard: "unmap" },
            },
        ],
        ["device_add", { driver: "virtio-blk-pci", id: DISK, drive: FILE, bus: "spare-slot" }],
    );
    await waitWith(machine, `${DEVICE} to be there`, () =>
        machine.ssh(`[ -b ${DEVICE}1 ] && echo yes || true`).then((said) => (said.includes("yes") ? true : undefined)),
    );
    try {
        return await use(DEVICE);
    } finally {
        await machine.qmp(["device_del", { id: DISK }]);
        // The guest lets go of it in its own time.
        await waitWith(machine, "the disk to be detached", () =>
            machine.qmp(["blockdev-del", { "node-name": FILE }]).then(
                () => true,
                () => undefined,
            ),
        );
    }
}

/** The product's volume, with a block device of one node in place of a disk that the Azure Disk CSI driver attaches. */
function asLocalVolume(volume: V1PersistentVolume, node: string, path: string): V1PersistentVolume {
    const { csi, ...spec } = volume.spec ?? {};
    const expression = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
    return {
        ...volume,
        spec: {
            ...spec,
            local: { path, fsType: csi?.fsType },
            nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
        },
    };
}

/** Runs a pod of the product to its end on a machine, with a claim for the volume. */
export async function runWithVolume(
    { kubernetes: { core } }: Lab,
    machine: Machine,
    { volume, claim, pod }: { volume: V1PersistentVolume; claim: V1PersistentVolumeClaim; pod: V1Pod },
): Promise<V1Pod> {
    const namespace = pod.metadata?.namespace ?? "default";
    const place = { namespace, name: pod.metadata?.name ?? "" };
    await core.createPersistentVolume({ body: volume });
    await core.createNamespacedPersistentVolumeClaim({ namespace, body: claim });
    await core.createNamespacedPod({ namespace, body: pod });
    const ended = await waitWith(machine, `pod ${place.name} to end`, async () => {
        const now = await core.readNamespacedPod(place);
        return now.status?.phase === "Succeeded" || now.status?.phase === "Failed" ? now : undefined;
    });
    await core.deleteNamespacedPod({ ...place, gracePeriodSeconds: 1 });
    await waitWith(machine, "the pod to be gone", () =>
        core.readNamespacedPod(place).then(
            () => undefined,
            () => true,
        ),
    );
    await core.deleteNamespacedPersistentVolumeClaim({ namespace, name: claim.metadata?.name ?? "" });
    await core.deletePersistentVolume({ name: volume.metadata?.name ?? "" });
    // kubelet unmounts after it has said that the pod is gone.
    await waitWith(machine, "the disk to be unmounted", () =>
        machine
            .ssh(`grep -q ^${DEVICE} /proc/mounts && echo mounted || echo free`)
            .then((said) => (said.includes("free") ? true : undefined)),
    );
    return ended;
}

/**
 * Cleans a copy on another machine, with the volume, the claim and the pod that the product makes for it.
 *
 * @param disk the copy's file
 * @param of what the copy is of
 * @returns what the product's script says that it has done
 * @throws Error with the script's own words when it refuses
 */
export async function cleanCopyOn(
    lab: Lab,
    machine: Machine,
    disk: string,
    of: { node: string; version: string; kernel: string },
): Promise<object> {
    const resources =
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/pools/providers/Microsoft.Compute";
    const cleaning: CopyCleaning = {
        target: {
            pool: "pool",
            node: of.node,
            version: of.version,
            scaleSetId: `${resources}/virtualMachineScaleSets/pool`,
            instanceId: "0",
        },
        copy: {
            diskId: `${resources}/disks/copy`,
            snapshotId: `${resources}/snapshots/copy`,
            capturedAt: new Date().toISOString(),
            sizeGB: 6,
        },
        namespace: NAMESPACE,
        image: IMAGE,
        place: { hosts: [machine.name], taints: [] },
        location: "westeurope",
        rootPartition: 1,
        fileSystem: "ext4",
        // What the tests keep on a machine to know how often its custom data has run.
        cleanPaths: [CUSTOM_DATA_LOG],
        kernel: of.kernel,
        customData: "kept",
    };
    await ensureNamespace(lab.kubernetes, NAMESPACE, "baseline");
    return withDiskAttached(machine, disk, async (device) => {
        const volume = asLocalVolume(volumeOf(cleaning), machine.name, `${device}${cleaning.rootPartition}`);
        const pod = await runWithVolume(lab, machine, { volume, claim: claimOf(cleaning), pod: copyPod(cleaning) });
        const message = messageOf(pod, CLEAN) ?? reasonOf(pod);
        if (pod.status?.phase !== "Succeeded") {
            throw new Error(message);
        }
        return JSON.parse(message) as object;
    });
}
