// What cleanCopy.sh does to what was deleted, on a real ext4 file system in a file: what is looked at
// are the file's bytes.
import { execFileSync } from "node:child_process";
import {
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readlinkSync,
    rmSync,
    symlinkSync,
    truncateSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cleaningScript } from "../../../components/capture/cleaning";

const MEBIBYTE = 1024 * 1024;
/** In blocks of a deleted file, and as the name of one. */
const TEXT = "text-of-a-deleted-file";
const NAME = "name-of-a-deleted-file";
const LINK = "var/lib/cloud/instance";

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: "pipe" });

/** Mounting takes root and loop devices, which a container may not have. */
function canMount(): boolean {
    try {
        run("losetup", "--find");
        run("mke2fs", "-V");
        return process.getuid?.() === 0;
    } catch {
        return false;
    }
}

let folder: string;
let disk: string;
let root: string;

beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kamino-deleted-"));
    disk = join(folder, "disk");
    root = join(folder, "root");
    mkdirSync(root);
    writeFileSync(disk, "");
    truncateSync(disk, 512 * MEBIBYTE);
});

afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
});

function mounted(options: string, use: () => void): void {
    run("mount", "-o", `loop,${options}`, disk, root);
    try {
        use();
    } finally {
        run("umount", root);
    }
}

function occurrences(text: string): number {
    const bytes = readFileSync(disk);
    let count = 0;
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) {
        count++;
    }
    return count;
}

test.runIf(canMount())(
    "what was deleted without being given back to the disk is in no byte of a cleaned copy, names included",
    { timeout: 300_000 },
    () => {
        run("mke2fs", "-q", "-t", "ext4", disk);
        mounted("nodiscard", () => {
            mkdirSync(join(root, "etc/cloud"), { recursive: true });
            writeFileSync(join(root, "etc/cloud/cloud.cfg"), "");
            mkdirSync(join(root, "srv/deleted"), { recursive: true });
            mkdirSync(join(root, "var/log"), { recursive: true });
            mkdirSync(join(root, "var/lib/cloud"), { recursive: true });
            mkdirSync(join(root, "var/lib/dpkg"), { recursive: true });
            const status = "Package: libc6\nStatus: install ok installed\nVersion: 2.35\n";
            writeFileSync(join(root, "var/lib/dpkg/status"), status);
            // So long that it has a block of its own.
            symlinkSync(`${TEXT.repeat(4)}/${NAME}`, join(root, LINK));
            writeFileSync(join(root, "etc/os-release"), 'PRETTY_NAME="Debian"\n');
            // Every third stays, so that there are thousands of small gaps, which ext4 gives away last. They lie
            // behind a large file, far from where it begins to look.
            run("fallocate", "-l", `${400 * MEBIBYTE}`, join(root, "srv/deleted/large"));
            for (let index = 0; index < 6000; index++) {
                const [name, text] = index % 3 === 0 ? ["stays", "stays"] : [`deleted/${NAME}`, TEXT];
                writeFileSync(join(root, "srv", `${name}-${index}`), text.repeat(100));
            }
            run("sync", "-f", root);
            rmSync(join(root, "srv/deleted"), { recursive: true });
        });
        expect(occurrences(TEXT)).toBeGreaterThan(100);
        expect(occurrences(NAME)).toBeGreaterThan(100);
        mounted("discard", () => {
            // What was read is in memory, as after a recovery of the file system.
            readlinkSync(join(root, LINK));
            const env = {
                PATH: process.env.PATH ?? "",
                HOST_ROOT: root,
                KAMINO_NODE: "node-a",
                KAMINO_VERSION: "2026.1122.0412",
                KAMINO_KERNEL: "6.12.0-azure",
                KAMINO_RESULT: join(folder, "result"),
            };
            execFileSync("/bin/sh", ["-c", cleaningScript("copy")], { env, stdio: "pipe" });
        });
        expect(occurrences(TEXT)).toBe(0);
        expect(occurrences(NAME)).toBe(0);
        expect(occurrences("libc6 2.35")).toBeGreaterThan(0);
        run("e2fsck", "-f", "-n", disk);
    },
);
