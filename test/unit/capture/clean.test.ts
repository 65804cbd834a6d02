// clean.sh, run by a real shell on a folder that looks like a running node's disk.
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Disk, certificate, kubeconfig, type Cleaned } from "./disk";

const OVF =
    '<?xml version="1.0"?><Environment><wa:HostName>node-a</wa:HostName><ns1:CustomData>c2VjcmV0\n</ns1:CustomData>' +
    "<UserName>azureuser</UserName></Environment>\n";

let disk: Disk;

beforeEach(() => {
    disk = new Disk({
        "etc/hostname": "node-a\n",
        "etc/machine-id": "0123\n",
        "etc/os-release": "Ubuntu\n",
        "etc/debian_version": "12\n",
        "etc/cloud/cloud.cfg": "preserve_hostname: false\n",
        "usr/bin/cloud-init": "kept",
        "etc/ssh/ssh_host_rsa_key": "private",
        "etc/ssh/ssh_host_rsa_key.pub": "public",
        "etc/ssh/sshd_config": "kept",
        "etc/iscsi/initiatorname.iscsi": "InitiatorName=iqn.1993-08.org.debian:01:a\n",
        "etc/nvme/hostnqn": "nqn",
        "etc/nvme/hostid": "id",
        "etc/cni/net.d/10-calico.conflist": "{}",
        "etc/cni/net.d/calico-kubeconfig": "token",
        "etc/cni/net.d/10-azure.conflist": "kept",
        "var/lib/calico/nodename": "node-a",
        "var/lib/calico/mtu": "kept",
        "var/lib/dbus/machine-id": "0123\n",
        "var/lib/cloud/data/instance-id": "i-1\n",
        "var/lib/cloud/instances/i-1/user-data.txt": "secret\n",
        "var/lib/cloud/scripts/vendor/keep.sh": "kept\n",
        "var/lib/cloud/sem/config_scripts_per_once.once": "kept",
        "var/lib/dpkg/status": "Package: base-files\nStatus: install ok installed\n",
        "var/lib/kubelet/kubeconfig": kubeconfig({ "client-certificate": "/etc/kubernetes/certs/client.crt" }),
        "var/lib/kubelet/pki/kubelet-client-2026.pem": "private",
        "var/lib/kubelet/pki/kubelet.key": "private",
        "etc/kubernetes/certs/client.crt": certificate("client"),
        "etc/kubernetes/certs/kubeletserver.key": "kept",
        "var/lib/systemd/random-seed": "seed",
        "var/lib/waagent/history/1/GoalState.xml": "x",
        "var/lib/waagent/events/1.tld": "x",
        "var/lib/waagent/provisioned": "kept",
        "var/lib/waagent/ovf-env.xml": OVF,
        "var/log/journal/0123/system.journal": "x",
        "var/log/pods/default_web_1/web/0.log": "x",
        "var/log/containers/web.log": "x",
        "var/log/syslog": "kept",
        "proc/sysrq-trigger": "",
        "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/sda1\n",
        "proc/1/comm": "systemd\n",
    });
    symlinkSync("/var/lib/cloud/instances/i-1", join(disk.root, "var/lib/cloud/instance"));
});

afterEach(() => disk.remove());

const step = (name: string, env: Record<string, string> = {}) => disk.run("in-place", { KAMINO_STEP: name, ...env });

/** Both steps, the second only after the first has gone well, as a pod's containers are. */
function clean(env: Record<string, string> = {}): Cleaned {
    const cleaned = step("clean", env);
    return cleaned.status === 0 ? { ...step("power-off", env), result: cleaned.result } : cleaned;
}

/** Every file and link of the disk with what is in it. */
function everything(): string[] {
    const walk = (path: string): string[] =>
        readdirSync(join(disk.root, path)).flatMap((name) => {
            const at = join(path, name);
            const found = lstatSync(join(disk.root, at));
            return found.isDirectory() ? walk(at) : [found.isFile() ? `${at}: ${disk.read(at)}` : `${at} ->`];
        });
    return walk(".").sort();
}

/** The script refuses for this reason, and has changed nothing. */
function expectRefusal(reason: RegExp) {
    const before = everything();
    const { status, stderr, result } = step("clean");
    expect(stderr).toMatch(reason);
    expect(stderr).toMatch(/; the disk is not changed\n$/);
    expect(status).not.toBe(0);
    expect(result).toBe("");
    expect(everything()).toEqual(before);
}

test("everything that is the machine's own goes, all else stays, and the power is cut", () => {
    const { status, stderr, result } = clean();
    expect([status, stderr]).toEqual([0, ""]);
    expect([disk.read("etc/hostname"), disk.read("etc/machine-id")]).toEqual(["", ""]);
    const emptied = [
        "var/lib/cloud/data",
        "var/lib/cloud/instances",
        "var/lib/waagent/history",
        "var/lib/waagent/events",
        "var/lib/kubelet/pki",
        "var/log/journal",
        "var/log/pods",
        "var/log/containers",
        "var/lib/dbus",
        "etc/nvme",
    ];
    expect(emptied.flatMap((path) => disk.list(path))).toEqual([]);
    expect(disk.list("var/lib/cloud")).not.toContain("instance");
    expect(disk.list("etc/cni/net.d")).toEqual(["10-azure.conflist"]);
    expect(disk.list("var/lib/calico")).toEqual(["mtu"]);
    expect(disk.list("etc/ssh")).toEqual(["sshd_config"]);
    expect(disk.has("var/lib/systemd/random-seed")).toBe(false);
    const kept = [
        "etc/os-release",
        "etc/kubernetes/certs/kubeletserver.key",
        "var/lib/cloud/scripts/vendor/keep.sh",
        "var/lib/cloud/sem/config_scripts_per_once.once",
        "var/lib/waagent/provisioned",
        "var/log/syslog",
    ];
    expect(kept.map((path) => disk.read(path).trim())).toEqual(["Ubuntu", "kept", "kept", "kept", "kept", "kept"]);
    expect(disk.read("proc/sysrq-trigger")).toBe("o");
    expect(JSON.parse(result)).toMatchObject({ cleaned: "2026.1122.0412", kind: "shared" });
});

test("the first step cuts no power, and says what it has removed", () => {
    const { result } = step("clean");
    expect(disk.read("proc/sysrq-trigger")).toBe("");
    const { removed, paths } = JSON.parse(result) as { removed: number; paths: string[] };
    expect(removed).toBeGreaterThanOrEqual(paths.length);
    expect(paths).toEqual(expect.arrayContaining(["var/log/journal", "etc/ssh/ssh_host_*_key", "etc/machine-id"]));
});

test("what the machine writes between the steps goes before the power does", () => {
    step("clean");
    disk.put("var/log/journal/9/system.journal", "x");
    disk.put("var/lib/waagent/events/2.tld", "x");
    disk.put("etc/machine-id", "9\n");
    step("power-off");
    expect([...disk.list("var/log/journal"), ...disk.list("var/lib/waagent/events")]).toEqual([]);
    expect(disk.read("etc/machine-id")).toBe("");
});

test("the agent's keys go right before the power does, and what it needs to know of its extensions stays", () => {
    const folder = "var/lib/waagent";
    const keys = ["0A1B.prv", "TransportPrivate.pem", "Certificates.pem", "Certificates.p7m", "ExtensionsConfig.1.xml"];
    keys.forEach((name) => disk.put(`${folder}/${name}`, "private"));
    const kept = ["0A1B.crt", "Microsoft.Azure.X-1.0/config/0.settings", "Microsoft.Azure.X-1.0/config/HandlerState"];
    kept.forEach((name) => disk.put(`${folder}/${name}`, "kept"));
    step("clean");
    expect(keys.filter((name) => !disk.has(`${folder}/${name}`))).toEqual([]);
    expect(step("power-off").stderr).toBe("");
    expect(keys.filter((name) => disk.has(`${folder}/${name}`))).toEqual([]);
    expect(kept.map((name) => disk.read(`${folder}/${name}`))).toEqual(kept.map(() => "kept"));
});

test("the agent's file keeps the machine's users and loses its custom data, so that no machine runs it again", () => {
    clean();
    const ovf = disk.read("var/lib/waagent/ovf-env.xml");
    expect(ovf).toContain("<UserName>azureuser</UserName>");
    expect(ovf).not.toMatch(/CustomData|c2VjcmV0/);
});

test.each([
    ["a new iSCSI name is asked for as Debian has it", true, "GenerateName=yes\n"],
    ["elsewhere the iSCSI name is removed, and made by a unit", false, undefined],
])("%s", (_what, debian, expected) => {
    if (!debian) {
        rmSync(join(disk.root, "etc/debian_version"));
    }
    clean();
    const path = "etc/iscsi/initiatorname.iscsi";
    expect(disk.has(path) ? disk.read(path) : undefined).toBe(expected);
});

test("the disk's ancestry grows by a line", () => {
    disk.put("var/log/kamino-ancestry.log", "2026-01-01T00:00:00Z version 2026.0101.0000 from node grandparent\n");
    clean();
    expect(disk.read("var/log/kamino-ancestry.log")).toMatch(
        /grandparent\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ version 2026\.1122\.0412 from node node-a\n$/,
    );
});

test("cleaning a clean disk works", () => {
    clean();
    expect(clean().status).toBe(0);
});

test("a disk without some of the folders is cleaned of the rest", () => {
    for (const path of ["var/lib", "var/log", "etc/ssh", "etc/cloud", "etc/iscsi", "etc/kubernetes", "etc/cni"]) {
        rmSync(join(disk.root, path), { recursive: true });
    }
    expect(clean()).toMatchObject({ status: 0, stderr: "" });
    expect(disk.read("etc/machine-id")).toBe("");
});

test("files with hostile names go, and nothing that they name is done", () => {
    const names = ["-rf", "--help", "a b", "$(touch pwned)", "`touch pwned`", "; touch pwned", "new\nline", "*"];
    [...names, "..x", ".hidden", "'", '"'].forEach((name) => disk.put(`var/lib/waagent/events/${name}`, "x"));
    expect(clean().status).toBe(0);
    expect(disk.list("var/lib/waagent/events")).toEqual([]);
    expect(readdirSync(disk.outside)).toEqual(["-rf * $(touch pwned) 'disk\""]);
});

test("links never lead out of the disk: what they point at is not touched", () => {
    const victim = join(disk.outside, "victim");
    mkdirSync(join(victim, "sub"), { recursive: true });
    writeFileSync(join(victim, "file"), "precious");
    for (const path of ["etc/machine-id", "etc/ssh", "var/log/journal", "var/lib/kubelet", "etc/cni"]) {
        rmSync(join(disk.root, path), { recursive: true });
        symlinkSync(path === "etc/machine-id" ? join(victim, "file") : victim, join(disk.root, path));
    }
    symlinkSync(victim, join(disk.root, "var/lib/waagent/events/link"));
    expect(clean({ KAMINO_CLEAN_PATHS: "etc/cni/file\n/etc/ssh/sub" }).status).toBe(0);
    expect(readFileSync(join(victim, "file"), "utf8")).toBe("precious");
    expect(readdirSync(victim).sort()).toEqual(["file", "sub"]);
    expect(lstatSync(join(disk.root, "etc/machine-id")).isFile()).toBe(true);
});

test("paths of the configuration go as well: files, folders, links, whatever is in their names", () => {
    disk.put("opt/agent/id", "x");
    disk.put("etc/agent's $(touch pwned)*", "x");
    disk.link("opt/current", "/etc");
    expect(clean({ KAMINO_CLEAN_PATHS: "/opt/agent\n/etc/agent's $(touch pwned)*\nopt/current" }).status).toBe(0);
    expect(disk.list("opt")).toEqual([]);
    expect(disk.list("etc").filter((name) => name.startsWith("agent"))).toEqual([]);
});

describe("nothing at all is changed", () => {
    test.each(["../x", "/etc/../../x", "a//b", "."])("where a path of the configuration is %s", (path) => {
        const { stderr } = step("clean", { KAMINO_CLEAN_PATHS: path });
        expect(stderr).toMatch(/not a plain path.*; the disk is not changed/);
    });

    test.each(["var", "var/lib", "var/lib/waagent", "etc", "proc", "var/log/kamino-ancestry.log"])(
        "where %s is a link",
        (path) => {
            const before = disk.read("etc/machine-id");
            const moved = join(disk.outside, "moved");
            if (disk.has(path)) {
                execFileSync("mv", [join(disk.root, path), moved]);
            }
            symlinkSync(moved, join(disk.root, path));
            const { status, stderr } = step("clean");
            expect(status).not.toBe(0);
            expect(stderr).toMatch(/symbolic link; the disk is not changed/);
            expect(disk.read("etc/machine-id")).toBe(before);
            expect(disk.read("proc/sysrq-trigger")).toBe("");
        },
    );

    test.each(["HOST_ROOT", "KAMINO_NODE", "KAMINO_VERSION", "KAMINO_STEP"])("without %s", (name) => {
        expect(step("clean", { [name]: "" }).status).not.toBe(0);
        expect(disk.read("etc/hostname")).toBe("node-a\n");
    });

    const refusals: [string, Record<string, string>, RegExp][] = [
        ["a reboot waits", { "run/reboot-required": "" }, /waits for a reboot/],
        [
            "dpkg has written what its status does not have",
            { "var/lib/dpkg/updates/0001": "x" },
            /dpkg was interrupted/,
        ],
        [
            "a package is half installed",
            { "var/lib/dpkg/status": "Package: libc6\nStatus: install ok half-configured\n" },
            /not wholly installed/,
        ],
        ["yum has not finished", { "var/lib/yum/transaction-all.2026": "x" }, /yum or dnf was interrupted/],
        ["rpm is in a transaction", { "var/lib/rpm/rpmdb.sqlite-journal": "x" }, /rpm was interrupted/],
        ["cloud-init is disabled by its file", { "etc/cloud/cloud-init.disabled": "" }, /cloud-init is disabled/],
        ["cloud-init is disabled at boot", { "proc/cmdline": "ro cloud-init=disabled\n" }, /kernel's command line/],
        ["the host name is kept", { "etc/cloud/cloud.cfg": "preserve_hostname: true\n" }, /preserve_hostname/],
        ["a later file keeps it", { "etc/cloud/cloud.cfg.d/99.cfg": "preserve_hostname: True\n" }, /preserve_hostname/],
        ["Longhorn keeps replicas", { "var/lib/longhorn/replicas/pvc-1/volume.meta": "x" }, /longhorn\/replicas/],
        [
            "kubelet signs in by a certificate that it was given for itself",
            {
                "var/lib/kubelet/kubeconfig": kubeconfig({
                    "client-certificate": "/var/lib/kubelet/pki/kubelet-client-current.pem",
                }),
            },
            /its own certificate \(\/var\/lib\/kubelet\/kubeconfig\).*use kamino:capture copy/,
        ],
        [
            "kubelet's certificate is this node's, wherever it lies",
            { "etc/kubernetes/certs/client.crt": certificate("system:node:node-a") },
            /its own certificate/,
        ],
        [
            "kubelet's certificate is in the kubeconfig",
            {
                "var/lib/kubelet/kubeconfig": kubeconfig({
                    "client-certificate-data": Buffer.from(certificate("system:node:node-a")).toString("base64"),
                }),
            },
            /its own certificate/,
        ],
        [
            "kubeadm has joined the node",
            {
                "etc/kubernetes/kubelet.conf": kubeconfig({
                    "client-certificate": "/var/lib/kubelet/pki/kubelet-client-current.pem",
                }),
                "etc/kubernetes/bootstrap-kubelet.conf": "",
            },
            /its own certificate \(\/etc\/kubernetes\/kubelet.conf\)/,
        ],
    ];
    test.each(refusals)("where %s", (_why, files, reason) => {
        Object.entries(files).forEach(([path, text]) => disk.put(path, text));
        expectRefusal(reason);
    });

    test("where a unit of cloud-init is masked", () => {
        disk.link("etc/systemd/system/cloud-init.service", "/dev/null");
        expectRefusal(/cloud-init.service is masked/);
    });

    test.each(["apt-get", "dpkg", "unattended-upgr", "rpm", "dnf", "tdnf", "update-initramf"])(
        "while %s is at work on the host",
        (name) => {
            disk.put("proc/77/comm", `${name}\n`);
            expectRefusal(new RegExp(`${name} is at work`));
        },
    );
});

describe("what only looks like a reason", () => {
    test("a package manager in a container is none", () => {
        disk.put("proc/77/comm", "apt-get\n");
        disk.link("proc/77/ns/mnt", "mnt:[2]");
        disk.link("proc/1/ns/mnt", "mnt:[1]");
        expect(step("clean").stderr).toBe("");
    });

    test("what waits for a shutdown to upgrade then is none", () => {
        disk.put("proc/77/comm", "unattended-upgr\n");
        disk.put("proc/77/cmdline", "python3\0/usr/share/unattended-upgrades/unattended-upgrade-shutdown\0--wait\0");
        expect(step("clean").stderr).toBe("");
    });

    test("the last word on the host name counts", () => {
        disk.put("etc/cloud/cloud.cfg", "preserve_hostname: true\n");
        disk.put("etc/cloud/cloud.cfg.d/05.cfg", "preserve_hostname: false\n");
        expect(step("clean").stderr).toBe("");
    });
});

test("its own certificate goes where a bootstrap kubeconfig brings another, with the kubeconfig that names it", () => {
    const own = { "client-certificate": "/var/lib/kubelet/pki/kubelet-client-current.pem" };
    disk.put("opt/kubelet/config", kubeconfig(own));
    disk.put("opt/kubelet/bootstrap", kubeconfig({ token: "abcdef.0123456789abcdef" }));
    disk.put("proc/88/comm", "kubelet\n");
    const flags = ["--kubeconfig=/opt/kubelet/config", "--bootstrap-kubeconfig=/opt/kubelet/bootstrap"];
    disk.put("proc/88/cmdline", ["/usr/bin/kubelet", ...flags, ""].join("\0"));
    const { status, stderr, result } = clean();
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(result)).toMatchObject({ kind: "bootstrap" });
    expect(disk.list("opt/kubelet")).toEqual(["bootstrap"]);
    expect(disk.list("var/lib/kubelet/pki")).toEqual([]);
});
