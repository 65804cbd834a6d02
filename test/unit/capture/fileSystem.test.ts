// What the disk driver's words on a mount mean for a copy, where its root is, and what admission does to its pod.
import { describe, expect, test } from "vitest";
import {
    CaughtInTheMiddle,
    OtherFileSystem,
    refuseFileSystem,
    rootPartitionOf,
    type FileSystem,
} from "../../../components/capture/copy/fileSystem";
import { ownershipChanges } from "../../../components/capture/pods";

const START =
    'MountVolume.MountDevice failed for volume "copy-1" : rpc error: code = Internal desc = could not format ' +
    "/dev/disk/azure/scsi1/lun0-part1(lun: 0), and mount it at /var/lib/kubelet/plugins/x/globalmount, failed with ";
const MOUNT =
    "mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t ext4 -o discard,defaults " +
    "/dev/disk/azure/scsi1/lun0-part1 /var/lib/x/globalmount\nOutput: mount: /var/lib/x/globalmount: wrong fs type, bad " +
    "option, bad superblock on /dev/sdc1, missing codepage or helper program, or other error.\n";
const OWN = (kind: string) =>
    `configured to mount disk /dev/disk/azure/scsi1/lun0-part1 as ext4 but current format is ${kind}, things might break`;
const EARLIEST = (kind: string) =>
    `failed to mount the volume as "ext4", it already contains ${kind}. Mount error: mount failed: exit status 32`;

/** What comes of these words of the driver. */
function verdict(words: string, as: FileSystem = "ext4", onlyByCopy?: string): unknown {
    try {
        refuseFileSystem(START + words, { as, partition: 1, onlyByCopy });
        return undefined;
    } catch (error) {
        return error;
    }
}

describe("a mount that failed", () => {
    test.each([
        ["mount-utils of today, of whatever it holds", MOUNT],
        ["the driver since July 2026", OWN("xfs")],
        ["the earliest mount-utils", EARLIEST("xfs")],
    ])("as ext4 is tried as XFS: by %s", (_by, words) => {
        expect(verdict(words)).toBeInstanceOf(OtherFileSystem);
    });

    test("as XFS as well is another partition, or a logical volume", () => {
        const error = verdict(MOUNT, "xfs") as Error;
        expect(error).not.toBeInstanceOf(OtherFileSystem);
        expect(error.message).toMatch(
            /^partition 1 of the disk holds neither ext4 nor XFS; set kamino:rootPartition.*on LVM set kamino:capture to in-place: /,
        );
        expect(error.message).not.toContain("\n");
    });

    test.each([OWN("LVM2_member"), EARLIEST("LVM2_member")])("on a logical volume is refused: %s", (words) => {
        const error = verdict(words) as Error;
        expect(error).not.toBeInstanceOf(OtherFileSystem);
        expect(error.message).toMatch(/^partition 1 of the disk is part of a logical volume \(LVM\).*in-place$/);
    });

    test.each([MOUNT, OWN("LVM2_member")])(
        "on a logical volume sends nobody to where they are refused: %s",
        (words) => {
            const { message } = verdict(words, "xfs", "single VMs are") as Error;
            expect(message).toMatch(
                /the pool cannot be kept, because single VMs are captured by a copy alone: take it out of/,
            );
            expect(message).not.toMatch(/in-place|\n/);
        },
    );

    test.each([OWN("vfat"), OWN("unknown data, probably partitions"), EARLIEST("vfat")])(
        "of something else is refused at once: %s",
        (words) => {
            const error = verdict(words) as Error;
            expect(error).not.toBeInstanceOf(OtherFileSystem);
            expect(error.message).toContain("kamino:rootPartition");
        },
    );

    test.each([
        "'fsck' found errors on device /dev/sdc1 but could not correct them: /dev/sdc1: UNEXPECTED\nINCONSISTENCY",
        "failed to run fsck on disk /dev/sdc1 with error: 'fsck' found errors on device /dev/sdc1 with options [-a] but could not correct them (exit status 4)",
    ])("by fsck's verdict may succeed with another copy: %s", (words) => {
        expect(verdict(words)).toBeInstanceOf(CaughtInTheMiddle);
    });

    test.each([
        'format of disk "/dev/disk/azure/scsi1/lun0-part1" failed: type:("ext4") output:(The file does not exist)',
        "timed out waiting for the condition",
    ])("for a reason that may pass is waited for: %s", (words) => {
        expect(verdict(words)).toBeUndefined();
    });
});

test.each([
    ["Microsoft Azure Linux 3.0", 3],
    ["CBL-Mariner/Linux", 3],
    ["Ubuntu 22.04.5 LTS", 1],
    ["Debian GNU/Linux 13 (trixie)", 1],
    ["Red Hat Enterprise Linux 9.4 (Plow)", 1],
    [undefined, 1],
])("the root of %s is partition %d", (system, expected) => {
    expect(rootPartitionOf(system)).toBe(expected);
});

describe("of a pod's admission counts", () => {
    const pod = { spec: { containers: [{ name: "clean", securityContext: { runAsUser: 0 } }] } };
    const withSpec = (change: object) => ({ spec: { ...pod.spec, ...change } });

    test.each<[string, object, string[]]>([
        ["an fsGroup", { securityContext: { fsGroup: 2000 } }, ["fsGroup 2000"]],
        ["the pod's label", { securityContext: { seLinuxOptions: { level: "s0:c1,c2" } } }, ["seLinuxOptions"]],
        [
            "a container's label",
            { containers: [{ name: "clean", securityContext: { seLinuxOptions: { type: "container_t" } } }] },
            ["seLinuxOptions"],
        ],
    ])("%s", (_what, change, expected) => {
        expect(ownershipChanges(pod, withSpec(change))).toEqual(expected);
    });

    test("nothing else that is added", () => {
        const admitted = withSpec({
            securityContext: {},
            tolerations: [{ operator: "Exists" }],
            containers: [...pod.spec.containers, { name: "sidecar" }],
        });
        expect(ownershipChanges(pod, admitted)).toEqual([]);
    });
});
