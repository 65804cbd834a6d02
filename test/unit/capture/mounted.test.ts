// What the way in which a copy is mounted does to it, and what cleanCopy.sh can do on the file system that it finds.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Disk } from "./disk";

let disk: Disk;

beforeEach(() => {
    disk = new Disk({
        "etc/hostname": "node-a\n",
        "etc/os-release": "ID=ubuntu\n",
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "var/log/syslog": "",
        "usr/bin/cloud-init": "",
    });
    chmodSync(join(disk.root, "etc/passwd"), 0o644);
    chmodSync(join(disk.root, "usr/bin"), 0o755);
});

afterEach(() => disk.remove());

const clean = () => disk.run("copy", { KAMINO_KERNEL: "5.15.0-1050-azure" });

describe("a copy whose owners or labels the mount has changed is refused and not cleaned", () => {
    const expectRefusal = (reason: RegExp) => {
        const { status, stderr } = clean();
        expect(status).toBe(1);
        expect(stderr).toMatch(reason);
        expect(stderr).toMatch(/^[^\n]*; the disk is not changed\n$/);
        expect(disk.read("etc/hostname")).toBe("node-a\n");
    };

    // As kubelet leaves them (SetVolumeOwnership):
    // https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/volume_linux.go
    test.each([
        ["etc/passwd", 0o664],
        ["usr/bin", 0o2775],
    ])("where its group may write /%s", (path, mode) => {
        chmodSync(join(disk.root, path), mode);
        expectRefusal(new RegExp(`/${path} can be written by its group.*fsGroup.*kamino:captureNamespace`));
    });

    test("where its system has SELinux and the cleaner's label is that of a container", () => {
        disk.standIn(
            "cat",
            '[ "$1" = /proc/self/attr/current ] || exec /bin/cat "$@"\necho system_u:system_r:container_t:s0:c1,c2',
        );
        expect(clean().stderr).toBe("");
        disk.put("etc/hostname", "node-a\n");
        disk.put("etc/selinux/config", "# SELINUX=enforcing\nSELINUX=disabled\n");
        expect(clean().stderr).toBe("");
        disk.put("etc/hostname", "node-a\n");
        disk.put("etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n");
        expectRefusal(/SELinux label of their container.*kamino:capture to in-place/);
    });

    test("but not where another security module or none has labelled the cleaner", () => {
        disk.put("etc/selinux/config", "SELINUX=enforcing\n");
        disk.standIn(
            "cat",
            '[ "$1" = /proc/self/attr/current ] || exec /bin/cat "$@"\necho "cri-containerd.apparmor.d (enforce)"',
        );
        expect(clean().stderr).toBe("");
    });
});

const GIBIBYTE = 1024 ** 3;
const MEBIBYTE = 1024 ** 2;

test.each([7 * GIBIBYTE + 900 * MEBIBYTE, 11 * GIBIBYTE + 5 * MEBIBYTE, 40 * GIBIBYTE])(
    "on XFS all free space is taken, of %d bytes, though it gives at most 8 GiB at a time and nothing where less is free",
    (free) => {
        const left = join(disk.outside, "free");
        writeFileSync(left, String(free));
        disk.standIn(
            "fallocate",
            `free=$(cat '${left}'); length=$2
             while [ "$length" -gt 0 ]; do
                 part=$length; [ "$part" -le ${8 * GIBIBYTE} ] || part=${8 * GIBIBYTE}
                 [ "$part" -le "$free" ] || { echo "$free" >'${left}'; exit 1; }
                 free=$((free - part)); length=$((length - part))
             done
             echo "$free" >'${left}'`,
        );
        // The root of this machine's mounts and disks, as it would be in the pod.
        disk.standIn(
            "awk",
            `for last; do :; done
             [ "$last" = /proc/mounts ] || exec /usr/bin/awk "$@"
             printf '/dev/x1 %s xfs rw,discard 0 0\\n' root >'${disk.outside}/mounts'
             /usr/bin/awk -v root=root "$3" '${disk.outside}/mounts'`,
        );
        disk.standIn("stat", `[ "$1" = -f ] || exec /usr/bin/stat "$@"\n[ "$3" = %b ] && echo 16777216 || echo 4096`);
        disk.standIn("sleep", "");
        disk.standIn("sync", "");
        expect(clean().stderr).toBe("");
        expect(Number(readFileSync(left, "utf8"))).toBeLessThan(MEBIBYTE);
        expect(disk.list(".")).not.toContain(".kamino-scratch");
    },
);
