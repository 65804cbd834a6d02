// A folder that looks like the root of a node's disk, and the scripts that clean it, run by a real shell.
import { spawnSync } from "node:child_process";
import {
    chmodSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    readdirSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cleaningScript } from "../../../components/capture/cleaning";

/** What a script came to. */
export interface Cleaned {
    status: number | null;
    stderr: string;
    /** What it wrote as the container's termination message. */
    result: string;
    /** What it has printed. */
    log: string;
}

/** One disk, as a folder with a name that a careless script would split, expand or take for an option. */
export class Disk {
    readonly outside = mkdtempSync(join(tmpdir(), "kamino clean "));
    private readonly tools = join(this.outside, "tools");
    readonly root = join(this.outside, "-rf * $(touch pwned) 'disk\"");

    constructor(files: Record<string, string>) {
        Object.entries(files).forEach(([path, text]) => this.put(path, text));
    }

    put(path: string, text: string): void {
        mkdirSync(dirname(join(this.root, path)), { recursive: true });
        writeFileSync(join(this.root, path), text);
    }

    link(path: string, target: string): void {
        mkdirSync(dirname(join(this.root, path)), { recursive: true });
        symlinkSync(target, join(this.root, path));
    }

    read(path: string): string {
        return readFileSync(join(this.root, path), "utf8");
    }

    list(path: string): string[] {
        return readdirSync(join(this.root, path)).sort();
    }

    has(path: string): boolean {
        return existsSync(join(this.root, path));
    }

    /** Has a program run this script in its place: what the kernel says or does, which a test cannot bring about. */
    standIn(program: string, script: string): void {
        const path = join(this.tools, program);
        mkdirSync(this.tools, { recursive: true });
        writeFileSync(path, `#!/bin/sh\n${script}\n`);
        chmodSync(path, 0o755);
    }

    remove(): void {
        rmSync(this.outside, { recursive: true, force: true });
    }

    /** Runs the whole script for this way of capturing on the disk, as its container would. */
    run(script: "in-place" | "copy", env: Record<string, string>): Cleaned {
        const result = join(this.outside, "result");
        const base = {
            PATH: `${this.tools}:${process.env.PATH}`,
            HOST_ROOT: this.root,
            KAMINO_NODE: "node-a",
            KAMINO_VERSION: "2026.1122.0412",
            KAMINO_RESULT: result,
        };
        const command = ["-c", cleaningScript(script)];
        const { status, stderr, stdout } = spawnSync("/bin/sh", command, {
            cwd: this.outside,
            env: { ...base, ...env },
            encoding: "utf8",
        });
        const said = existsSync(result) ? readFileSync(result, "utf8") : "";
        rmSync(result, { force: true });
        return { status, stderr, result: said, log: stdout };
    }
}

/** A certificate as far as the scripts look at one: the name in it, in PEM. */
export function certificate(commonName: string): string {
    const body = Buffer.from(`\u0030\u0082\u0001${commonName}\u0030`).toString("base64");
    return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}

/** A kubeconfig whose user signs in by these fields. */
export function kubeconfig(user: Record<string, string>): string {
    const fields = Object.entries(user).map(([key, value]) => `    ${key}: ${value}`);
    return ["apiVersion: v1", "kind: Config", "users:", "- name: kubelet", "  user:", ...fields, ""].join("\n");
}
