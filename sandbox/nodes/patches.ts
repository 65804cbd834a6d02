// Patches on a node's disk: what apt leaves when it has installed them, up to the sentinel that kured looks for.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Vm } from "../azure/types";

/**
 * Where Ubuntu says that a reboot is needed. /var/run is a link to /run, which is in memory: each stop of the machine
 * empties it.
 */
export const SENTINEL = "run/reboot-required";

/** What a round of patches changes on a disk. */
export interface Patches {
    /** What the disk's patch level becomes; default: the day. */
    patchLevel?: string;
    /** Version of a kernel that is installed beside the one that runs; the next boot takes the newest. */
    kernel?: string;
}

/** Installs patches: from now on the machine needs a reboot. */
export function installPatches(vm: Vm, { patchLevel, kernel }: Patches, at: Date): void {
    put(vm, "etc/os-patch-level", `${patchLevel ?? at.toISOString().slice(0, 10)}\n`);
    if (kernel !== undefined) {
        put(vm, `boot/vmlinuz-${kernel}`, "sandbox\n");
        put(vm, `lib/modules/${kernel}/modules.dep`, "");
        const packages = join(vm.diskDirectory, "var/lib/dpkg/status");
        const known = existsSync(packages) ? readFileSync(packages, "utf8") : "";
        const entry = `Package: linux-image-${kernel}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${kernel}\n\n`;
        put(vm, "var/lib/dpkg/status", known + entry);
    }
    put(vm, SENTINEL, "*** System restart required ***\n");
}

/** Whether the machine says that it needs a reboot. */
export function needsReboot(vm: Vm): boolean {
    return existsSync(join(vm.diskDirectory, SENTINEL));
}

function put(vm: Vm, file: string, text: string): void {
    const path = join(vm.diskDirectory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
}
