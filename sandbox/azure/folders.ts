// The folders that hold what is on each disk, snapshot and image version.
import { randomBytes } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";

/** Kinds of folders, one parent folder each. */
export type FolderKind = "disks" | "snapshots" | "images";

/** Folders that a running machine keeps in memory: a copy of its disk has them empty. */
const IN_MEMORY = ["dev", "proc", "run", "sys"];

const KERNEL = "5.4.0-1109-azure";
/** Packages of a marketplace image, by name. */
const PACKAGES = {
    "moby-containerd": "1.6.36+azure-ubuntu18.04u1",
    openssl: "1.1.1-1ubuntu2.1",
    libc6: "2.27-3ubuntu1.6",
};

/** Makes, copies and removes them. */
export class Folders {
    constructor(private readonly root: string) {
        mkdirSync(root, { recursive: true });
    }

    /** A new folder with a copy of another one's files, symbolic links kept as they are. */
    copy(kind: FolderKind, name: string, source: string): string {
        const target = this.path(kind, name);
        const inMemory = IN_MEMORY.map((name) => join(source, name));
        cpSync(source, target, {
            recursive: true,
            verbatimSymlinks: true,
            preserveTimestamps: true,
            filter: (path) => !inMemory.some((folder) => path.startsWith(folder + sep)),
        });
        return target;
    }

    /** A new folder with the files of a marketplace image: generalised, nothing of Kubernetes set up. */
    marketplace(kind: FolderKind, name: string, image: string, patchLevel: string): string {
        const target = this.path(kind, name);
        const directories = [
            "etc/ssh",
            "etc/default",
            "opt",
            ...IN_MEMORY,
            "usr/local/bin",
            "var/lib/cloud/data",
            "var/lib/cloud/instances",
        ];
        for (const directory of [
            ...directories,
            "var/lib/waagent/history",
            "var/lib/waagent/events",
            "var/log/journal",
            "tmp",
        ]) {
            mkdirSync(join(target, directory), { recursive: true });
        }
        const files: Record<string, string> = {
            "etc/hostname": "",
            "etc/machine-id": "",
            "etc/os-release": `NAME="Ubuntu"\nID=ubuntu\nPRETTY_NAME="Ubuntu 18.04.6 LTS"\nVARIANT_ID="${image}"\n`,
            [`boot/vmlinuz-${KERNEL}`]: "sandbox\n",
            [`lib/modules/${KERNEL}/modules.dep`]: "",
            "var/lib/dpkg/status": packages(),
            "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
            "etc/fstab":
                "LABEL=cloudimg-rootfs / ext4 discard,errors=remount-ro 0 1\nLABEL=UEFI /boot/efi vfat umask=0077 0 1\n",
            "etc/cloud/cloud.cfg": "preserve_hostname: false\n",
            "usr/bin/cloud-init": "#!/usr/bin/python3\n",
            "etc/os-patch-level": `${patchLevel}\n`,
            "proc/sysrq-trigger": "",
        };
        for (const [file, text] of Object.entries(files)) {
            mkdirSync(dirname(join(target, file)), { recursive: true });
            writeFileSync(join(target, file), text);
        }
        // Whatever the mask of whoever runs this, as every system has them.
        chmodSync(join(target, "etc/passwd"), 0o644);
        chmodSync(join(target, "usr/bin"), 0o755);
        // As systemd has it: inside of a container that sees the disk, it leads to the container's own folder.
        symlinkSync("/run", join(target, "var/run"));
        return target;
    }

    remove(folder: string | undefined): void {
        if (folder) {
            rmSync(folder, { recursive: true, force: true });
        }
    }

    private path(kind: FolderKind, name: string): string {
        return join(this.root, kind, `${name}-${randomBytes(4).toString("hex")}`);
    }
}

function packages(): string {
    const installed = { ...PACKAGES, [`linux-image-${KERNEL}`]: KERNEL };
    const entries = Object.entries(installed).map(
        ([name, version]) =>
            `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n`,
    );
    return `${entries.join("\n")}\n`;
}
