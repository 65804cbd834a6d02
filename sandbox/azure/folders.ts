// The folders that hold what is on each disk, snapshot and image version.
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Kinds of folders, one parent folder each. */
export type FolderKind = "disks" | "snapshots" | "images";

/** Makes, copies and removes them. */
export class Folders {
    constructor(private readonly root: string) {
        mkdirSync(root, { recursive: true });
    }

    /** A new folder with a copy of another one's files, symbolic links kept as they are. */
    copy(kind: FolderKind, name: string, source: string): string {
        const target = this.path(kind, name);
        cpSync(source, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
        return target;
    }

    /** A new folder with the files of a marketplace image: generalised, nothing of Kubernetes set up. */
    marketplace(kind: FolderKind, name: string, image: string, patchLevel: string): string {
        const target = this.path(kind, name);
        const directories = [
            "etc/ssh",
            "etc/default",
            "opt",
            "proc",
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
            "etc/os-release": `NAME="Ubuntu"\nID=ubuntu\nVARIANT_ID="${image}"\n`,
            "etc/os-patch-level": `${patchLevel}\n`,
            "proc/sysrq-trigger": "",
        };
        for (const [file, text] of Object.entries(files)) writeFileSync(join(target, file), text);
        return target;
    }

    remove(folder: string | undefined): void {
        if (folder) rmSync(folder, { recursive: true, force: true });
    }

    private path(kind: FolderKind, name: string): string {
        return join(this.root, kind, `${name}-${randomBytes(4).toString("hex")}`);
    }
}
