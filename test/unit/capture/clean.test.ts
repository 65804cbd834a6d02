// clean.sh, run by a real shell on a folder that looks like a disk.
import { execFileSync, spawnSync } from "node:child_process";
import {
    existsSync,
    lstatSync,
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
import { afterEach, beforeEach, expect, test } from "vitest";

const SCRIPT = join(__dirname, "../../../components/capture/clean.sh");

let outside: string;
let root: string;

beforeEach(() => {
    // A name that a careless script would split, expand or take for an option.
    outside = mkdtempSync(join(tmpdir(), "kamino clean "));
    root = join(outside, "-rf * $(touch pwned) 'disk\"");
    Object.entries({
        "etc/hostname": "node-a\n",
        "etc/machine-id": "0123\n",
        "etc/os-release": "Ubuntu\n",
        "var/lib/dbus/machine-id": "0123\n",
        "var/lib/cloud/data/instance-id": "i-1\n",
        "var/lib/cloud/instances/i-1/user-data.txt": "secret\n",
        "var/lib/cloud/scripts/vendor/keep.sh": "kept\n",
        "var/lib/waagent/history/1/GoalState.xml": "x",
        "var/lib/waagent/events/1.tld": "x",
        "var/lib/waagent/provisioned": "kept",
        "var/log/journal/0123/system.journal": "x",
        "var/log/syslog": "kept",
        "proc/sysrq-trigger": "",
    }).forEach(([path, text]) => put(path, text));
    symlinkSync("/var/lib/cloud/instances/i-1", join(root, "var/lib/cloud/instance"));
});

afterEach(() => rmSync(outside, { recursive: true, force: true }));

function put(path: string, text: string) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
}

const read = (path: string) => readFileSync(join(root, path), "utf8");
const list = (path: string) => readdirSync(join(root, path));

function clean(env: Record<string, string> = {}) {
    const script = readFileSync(SCRIPT, "utf8");
    const base = {
        PATH: process.env.PATH ?? "",
        HOST_ROOT: root,
        KAMINO_NODE: "node-a",
        KAMINO_VERSION: "2026.1122.0412",
    };
    return spawnSync("/bin/sh", ["-c", script], { cwd: outside, env: { ...base, ...env }, encoding: "utf8" });
}

test("everything that is the machine's own goes, all else stays, and the power is cut", () => {
    expect(clean()).toMatchObject({ status: 0, stderr: "" });
    expect([read("etc/hostname"), read("etc/machine-id")]).toEqual(["", ""]);
    const emptied = [
        "var/lib/cloud/data",
        "var/lib/cloud/instances",
        "var/lib/waagent/history",
        "var/lib/waagent/events",
        "var/log/journal",
    ];
    expect(emptied.flatMap(list)).toEqual([]);
    expect(list("var/lib/cloud")).not.toContain("instance");
    expect(list("var/lib/dbus")).toEqual([]);
    expect([
        read("etc/os-release"),
        read("var/lib/cloud/scripts/vendor/keep.sh"),
        read("var/lib/waagent/provisioned"),
        read("var/log/syslog"),
    ]).toEqual(["Ubuntu\n", "kept\n", "kept", "kept"]);
    expect(read("proc/sysrq-trigger")).toBe("o");
});

test("the disk's ancestry grows by a line", () => {
    put("var/log/kamino-ancestry.log", "2026-01-01T00:00:00Z version 2026.0101.0000 from node grandparent\n");
    clean();
    expect(read("var/log/kamino-ancestry.log")).toMatch(
        /grandparent\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ version 2026\.1122\.0412 from node node-a\n$/,
    );
});

test("cleaning a clean disk works", () => {
    clean();
    expect(clean().status).toBe(0);
});

test("a disk without some of the folders is cleaned of the rest", () => {
    for (const path of ["var/lib/waagent", "var/lib/dbus", "var/log/journal", "var/lib/cloud"]) {
        rmSync(join(root, path), { recursive: true });
    }
    expect(clean()).toMatchObject({ status: 0, stderr: "" });
    expect(read("etc/machine-id")).toBe("");
});

test("files with hostile names go, and nothing that they name is done", () => {
    const names = [
        "-rf",
        "--help",
        "a b",
        "$(touch pwned)",
        "`touch pwned`",
        "; touch pwned",
        "new\nline",
        "*",
        "..x",
        ".hidden",
        "'",
        '"',
    ];
    names.forEach((name) => put(`var/lib/waagent/events/${name}`, "x"));
    expect(clean().status).toBe(0);
    expect(list("var/lib/waagent/events")).toEqual([]);
    expect(readdirSync(outside)).toEqual(["-rf * $(touch pwned) 'disk\""]);
});

test("links never lead out of the disk: what they point at is not touched", () => {
    const victim = join(outside, "victim");
    mkdirSync(join(victim, "sub"), { recursive: true });
    writeFileSync(join(victim, "file"), "precious");
    rmSync(join(root, "etc/machine-id"));
    symlinkSync(join(victim, "file"), join(root, "etc/machine-id"));
    rmSync(join(root, "var/log/journal"), { recursive: true });
    symlinkSync(victim, join(root, "var/log/journal"));
    symlinkSync(victim, join(root, "var/lib/waagent/events/link"));
    expect(clean().status).toBe(0);
    expect(readFileSync(join(victim, "file"), "utf8")).toBe("precious");
    expect(readdirSync(victim).sort()).toEqual(["file", "sub"]);
    expect(lstatSync(join(root, "etc/machine-id")).isFile()).toBe(true);
});

test.each(["var", "var/lib", "var/lib/waagent", "etc", "proc", "var/log/kamino-ancestry.log"])(
    "where %s is a link nothing at all is changed",
    (path) => {
        const before = read("etc/machine-id");
        const moved = join(outside, "moved");
        if (existsSync(join(root, path))) {
            execFileSync("mv", [join(root, path), moved]);
        }
        symlinkSync(moved, join(root, path));
        const { status, stderr } = clean();
        expect(status).not.toBe(0);
        expect(stderr).toMatch(/symbolic link; the disk is not changed/);
        expect(read("etc/machine-id")).toBe(before);
        expect(read("proc/sysrq-trigger")).toBe("");
    },
);

test.each(["HOST_ROOT", "KAMINO_NODE", "KAMINO_VERSION"])("without %s nothing is done", (name) => {
    expect(clean({ [name]: "" }).status).not.toBe(0);
    expect(read("etc/hostname")).toBe("node-a\n");
});
