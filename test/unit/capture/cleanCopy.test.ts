// cleanCopy.sh, run by a real shell on a folder that looks like the copy of a node's disk.
import { lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { packagesIn } from "../../../components/capture/copy/packageList";
import { Disk, certificate, kubeconfig } from "./disk";

const KERNEL = "5.15.0-1050-azure";
/** What a workload or the node has written, wherever it can; none of it may be in an image. */
const MARKER = "MARKER-7f3a";

const CREDENTIALS = {
    "var/lib/kubelet/kubeconfig": kubeconfig({ "client-certificate": "/etc/kubernetes/certs/client.crt" }),
    "etc/kubernetes/certs/client.crt": certificate("client"),
    "etc/kubernetes/azure.json": "kept",
    "etc/default/kubelet": "kept",
};

const OF_WORKLOADS = [
    "var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs/data",
    "var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db",
    "var/lib/docker/overlay2/x/diff/data",
    "var/lib/containers/storage/overlay/x/diff/data",
    "var/lib/kubelet/pods/1/volumes/kubernetes.io~empty-dir/cache/data",
    "var/lib/kubelet/pods/1/volumes/kubernetes.io~secret/token",
    "var/lib/kubelet/plugins/kubernetes.io/csi/x/globalmount/data",
    "var/lib/kubelet/device-plugins/kubelet_internal_checkpoint",
    "var/lib/kubelet/checkpoints/checkpoint-web.tar",
    "var/lib/kubelet/cpu_manager_state",
    "var/log/pods/default_web_1/web/0.log",
    "var/log/containers/web.log",
    "var/lib/systemd/coredump/core.web.zst",
    "var/crash/web.crash",
    "var/lib/cni/networks/kubenet/10.244.0.5",
    "var/lib/longhorn/replicas/pvc-1/volume-head-000.img",
    "tmp/data",
    "var/tmp/data",
];

const OF_THE_NODE = [
    "etc/hostname",
    "etc/machine-id",
    "etc/ssh/ssh_host_ed25519_key",
    "etc/cni/net.d/calico-kubeconfig",
    "etc/iscsi/initiatorname.iscsi",
    "etc/nvme/hostnqn",
    "var/lib/calico/nodename",
    "var/lib/cloud/data/instance-id",
    "var/lib/cloud/instances/i-1/user-data.txt",
    "var/lib/cloud/sem/config_scripts_per_once.once",
    "var/lib/dhcp/dhclient.eth0.leases",
    "var/lib/kubelet/pki/kubelet-client-current.pem",
    "var/lib/kubelet/pki/kubelet.key",
    "var/lib/systemd/random-seed",
    "var/lib/waagent/ovf-env.xml",
    "var/lib/waagent/GoalState.1.xml",
    "var/lib/waagent/custom-script/mrseq",
    "var/lib/waagent/0A1B.prv",
    "var/lib/waagent/Certificates.p7m",
    "var/lib/waagent/Microsoft.Azure.X-1.0/config/0.settings",
    "var/lib/waagent/Microsoft.Azure.X-1.0/status/0.status",
    "var/lib/waagent/history/1/GoalState.xml",
    "var/log/journal/0123/system.journal",
    "var/log/syslog",
    "var/log/auth.log.1",
    "var/log/cloud-init-output.log",
    "var/log/azure/cluster-provision.log",
    "var/log/wtmp",
    "root/.bash_history",
    "home/azureuser/.bash_history",
];

let disk: Disk;

beforeEach(() => {
    disk = new Disk({
        ...CREDENTIALS,
        ...Object.fromEntries([...OF_WORKLOADS, ...OF_THE_NODE].map((path) => [path, `${MARKER} ${path}\n`])),
        "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n',
        "etc/cloud/cloud.cfg": "preserve_hostname: false\n",
        [`boot/vmlinuz-${KERNEL}`]: "kernel",
        "boot/vmlinuz-5.15.0-999-generic": "kernel",
        [`usr/lib/modules/${KERNEL}/modules.dep`]: "",
        "var/lib/dpkg/status":
            "Package: libc6\nStatus: install ok installed\nVersion: 2.35\n\n" +
            "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n" +
            "Package: base-files\nStatus: install ok installed\nVersion: 12\n",
        "usr/bin/kubelet": "kept",
        "usr/bin/cloud-init": "kept",
        "home/azureuser/.ssh/authorized_keys": "kept",
        "var/lib/cloud/scripts/per-once/keep.sh": "kept",
    });
});

afterEach(() => disk.remove());

const clean = (env: Record<string, string> = {}) => disk.run("copy", { KAMINO_KERNEL: KERNEL, ...env });

function files(path = "."): string[] {
    return readdirSync(join(disk.root, path)).flatMap((name) => {
        const at = join(path, name);
        return lstatSync(join(disk.root, at)).isDirectory() ? files(at) : [at];
    });
}

const marked = () => files().filter((path) => disk.read(path).includes(MARKER));

test("nothing that a workload or the node has written stays, and all else does", () => {
    expect(marked()).toHaveLength(OF_WORKLOADS.length + OF_THE_NODE.length);
    const { status, stderr } = clean();
    expect([status, stderr]).toEqual([0, ""]);
    expect(marked()).toEqual([]);
    for (const path of [...Object.keys(CREDENTIALS), "usr/bin/kubelet", "home/azureuser/.ssh/authorized_keys"]) {
        expect(disk.has(path)).toBe(true);
    }
    expect(disk.read("var/lib/cloud/scripts/per-once/keep.sh")).toBe("kept");
    // Folders stay with their owners and modes, for daemons that cannot make them.
    for (const path of ["var/log", "var/log/azure", "var/lib/containerd", "tmp", "var/lib/kubelet/pods"]) {
        expect(statSync(join(disk.root, path)).isDirectory()).toBe(true);
    }
    expect(disk.read("var/log/kamino-ancestry.log")).toMatch(/version 2026\.1122\.0412 from node node-a\n$/);
});

test("what was done is the pod's result: what was removed, system, kernel, packages and their digest", () => {
    const report = JSON.parse(clean().result) as Record<string, unknown>;
    expect(report).toMatchObject({
        cleaned: "2026.1122.0412",
        kind: "shared",
        os: "Ubuntu 22.04.5 LTS",
        kernel: KERNEL,
        packages: 2,
        digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
    });
    expect(report.paths).toEqual(expect.arrayContaining(["var/lib/containerd", "var/log", "etc/machine-id"]));
    // Kubelet keeps at most 4096 bytes of it.
    expect(JSON.stringify(report).length).toBeLessThan(4096);
});

test("the digest is of the packages alone, in any order", () => {
    const digest = () => (JSON.parse(clean().result) as { digest: string }).digest;
    const first = digest();
    const status = disk.read("var/lib/dpkg/status").trim().split("\n\n");
    disk.put("var/lib/dpkg/status", `${status.reverse().join("\n\n")}\n`);
    expect(digest()).toBe(first);
    disk.put("var/lib/dpkg/status", status.join("\n\n").replace("2.35", "2.36"));
    expect(digest()).not.toBe(first);
});

describe("the packages are compared with those of the image before", () => {
    interface Changes {
        added: number;
        gone: number;
        changed: number;
        names: string[];
    }
    const changes = () => (JSON.parse(clean().result) as { changes?: Changes }).changes;
    const status = (...packages: [string, string][]) =>
        disk.put(
            "var/lib/dpkg/status",
            packages
                .map(([name, version]) => `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\n`)
                .join("\n"),
        );

    it("which a disk that comes from no image does not have", () => {
        expect(changes()).toBeUndefined();
        expect(disk.read("var/log/kamino-packages.log")).toBe("base-files 12\nlibc6 2.35\n");
    });

    it("and what came, went and changed is counted and named", () => {
        status(["libc6", "2.35"], ["old", "1.0"], ["vim", "9.0"], ["same", "1"]);
        expect(changes()).toBeUndefined();
        status(["libc6", "2.36~rc1"], ["linux-image-5.15", "5.15.1"], ["vim", "2:9.0"], ["same", "1"]);
        expect(changes()).toEqual({
            added: 1,
            gone: 1,
            changed: 2,
            names: ["=libc6 2.35 2.36~rc1", "+linux-image-5.15 5.15.1", "-old 1.0", "=vim 9.0 2:9.0"],
        });
        expect(changes()).toEqual({ added: 0, gone: 0, changed: 0, names: [] });
    });

    it("and of many the first are named, so that kubelet keeps the whole result", () => {
        status();
        clean();
        status(...Array.from({ length: 2000 }, (_, index): [string, string] => [`package-${index}`, "1.0-1ubuntu1"]));
        const { result } = clean();
        expect(result.length).toBeLessThan(4096);
        const { added, names } = (JSON.parse(result) as { changes: Changes }).changes;
        expect([added, names.length > 20, names[0]]).toEqual([2000, true, "+package-0 1.0-1ubuntu1"]);
    });

    it("and a list that leads elsewhere is neither read nor written", () => {
        disk.put("outside", "libc6 1\n");
        disk.link("var/log/kamino-packages.log", "../../outside");
        expect(changes()).toBeUndefined();
        expect(disk.read("outside")).toBe("libc6 1\n");
    });
});

test("all packages are printed, with their architectures and the system, so that the result's digest proves them whole", () => {
    disk.put("etc/os-release", 'NAME="Ubuntu"\nID=ubuntu\nVERSION_ID=\'22.04\'\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n');
    disk.put(
        "var/lib/dpkg/status",
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.35-0ubuntu3\n\n" +
            "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.35-0ubuntu3\n\n" +
            "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n" +
            "Package: base-files\nStatus: install ok installed\nVersion: 12\nDescription: a system\n of files\n",
    );
    const { log, result } = clean();
    const { digest, os } = JSON.parse(result) as { digest: string; os: string };
    expect(os).toBe("Ubuntu 22.04.5 LTS");
    expect(packagesIn(log, digest)).toEqual({
        system: { id: "ubuntu", release: "22.04" },
        packages: [
            { name: "libc6", version: "2.35-0ubuntu3", architecture: "amd64" },
            { name: "libc6", version: "2.35-0ubuntu3", architecture: "i386" },
            { name: "base-files", version: "12" },
        ],
    });
    expect(packagesIn(log.replace(/.*i386.*\n/, ""), digest)).toBeUndefined();
});

test("a disk of rpm's packages has a result all the same, and prints none", () => {
    disk.put("var/lib/dpkg/status", "");
    disk.put("var/lib/rpm/rpmdb.sqlite", "database");
    const { log, result, status } = clean();
    expect([status, log.match(/kamino-package/g)]).toEqual([0, null]);
    expect(JSON.parse(result)).toMatchObject({ packages: 0, digest: expect.stringMatching(/^sha256:/) as string });
});

test("cleaning a clean copy works", () => {
    clean();
    expect(clean()).toMatchObject({ status: 0, stderr: "" });
});

test("paths of the configuration go as well", () => {
    disk.put("opt/agent/id", MARKER);
    clean({ KAMINO_CLEAN_PATHS: "/opt/agent/id" });
    expect(marked()).toEqual([]);
});

describe("of a kubeadm node", () => {
    const JOINED = {
        "etc/kubernetes/kubelet.conf": kubeconfig({
            "client-certificate": "/var/lib/kubelet/pki/kubelet-client-current.pem",
        }),
        "etc/kubernetes/bootstrap-kubelet.conf": "",
        "etc/kubernetes/pki/ca.crt": "x",
        "etc/kubernetes/manifests/x.yaml": "x",
        "etc/cni/net.d/05-custom.conflist": "x",
        "var/lib/kubelet/config.yaml": "x",
        "var/lib/kubelet/kubeadm-flags.env": "x",
    };
    beforeEach(() => {
        Object.entries(JOINED).forEach(([path, text]) => disk.put(path, text));
    });

    test("all that a join makes goes, so that a new machine can join by its own custom data", () => {
        const { status, stderr, result } = clean({ KAMINO_CUSTOM_DATA: "kept" });
        expect([status, stderr]).toEqual([0, ""]);
        expect(JSON.parse(result)).toMatchObject({ kind: "kubeadm" });
        expect(Object.keys(JOINED).filter((path) => disk.has(path))).toEqual([]);
        expect(
            ["etc/kubernetes/pki", "etc/kubernetes/manifests", "var/lib/kubelet"].flatMap((p) => disk.list(p)),
        ).toEqual([]);
        expect(disk.has("usr/bin/kubelet")).toBe(true);
    });

    test("nothing is cleaned where new machines get no custom data: none would join", () => {
        const { status, stderr } = clean();
        expect(status).toBe(1);
        expect(stderr).toMatch(/kubeadm node, and new nodes get no custom data.*; the disk is not changed/);
    });
});

test("kubelet's own keys go, too, where its kubeconfig is in an unusual place", () => {
    rmSync(join(disk.root, "var/lib/kubelet/kubeconfig"));
    expect(JSON.parse(clean().result)).toMatchObject({ kind: "none" });
    expect(disk.list("var/lib/kubelet/pki")).toEqual([]);
});

test("its own certificate goes where a bootstrap kubeconfig brings another", () => {
    disk.put("etc/kubernetes/certs/client.crt", certificate("system:node:node-a"));
    disk.put("var/lib/kubelet/bootstrap-kubeconfig", kubeconfig({ token: "abcdef.0123456789abcdef" }));
    expect(JSON.parse(clean().result)).toMatchObject({ kind: "bootstrap" });
    expect(disk.has("var/lib/kubelet/kubeconfig")).toBe(false);
    expect(disk.has("var/lib/kubelet/bootstrap-kubeconfig")).toBe(true);
});

describe("a copy is refused and not changed", () => {
    const refusals: [string, Record<string, string>, number, RegExp][] = [
        ["dpkg was caught in the middle", { "var/lib/dpkg/updates/0001": "x" }, 75, /dpkg was interrupted/],
        [
            "a package was caught half installed",
            { "var/lib/dpkg/status": "Package: libc6\nStatus: install ok unpacked\n" },
            75,
            /not wholly installed/,
        ],
        [
            "a newer kernel has not been booted",
            { "boot/vmlinuz-5.15.0-1051-azure": "" },
            1,
            /runs kernel 5\.15\.0-1050-azure and has 5\.15\.0-1051-azure installed/,
        ],
        [
            "a newer kernel's modules are there, and /boot is a separate partition",
            { "usr/lib/modules/5.15.0-1100-azure/modules.dep": "" },
            1,
            /has 5\.15\.0-1100-azure installed/,
        ],
        ["cloud-init is disabled", { "etc/cloud/cloud-init.disabled": "" }, 1, /cloud-init is disabled/],
        [
            "kubelet has its own certificate, and nothing brings another",
            { "etc/kubernetes/certs/client.crt": certificate("system:node:node-a") },
            1,
            /a new node would not join/,
        ],
    ];
    test.each(refusals)("where %s", (_why, changes, code, reason) => {
        Object.entries(changes).forEach(([path, text]) => disk.put(path, text));
        const before = marked();
        const { status, stderr, result } = clean();
        expect([status, result]).toEqual([code, ""]);
        expect(stderr).toMatch(reason);
        expect(stderr).toMatch(/; the disk is not changed\n$/);
        expect(marked()).toEqual(before);
    });

    test("where the partition holds no system", () => {
        const empty = new Disk({ "lost+found/x": "" });
        const { status, stderr } = empty.run("copy", { KAMINO_KERNEL: KERNEL });
        empty.remove();
        expect(status).toBe(1);
        expect(stderr).toMatch(/not a root file system.*kamino:rootPartition/);
    });
});

describe("of the kernels that are installed the newest of the running one's flavour counts", () => {
    const install = (names: string[]) =>
        names.forEach((name) => {
            disk.put(`boot/vmlinuz-${name}`, "");
            disk.put(`usr/lib/modules/${name}/modules.dep`, "");
        });

    test.each([
        ["Ubuntu", "5.15.0-1050-azure", "5.15.0-1101-azure"],
        ["Debian", "6.1.0-18-cloud-amd64", "6.1.0-20-cloud-amd64"],
        ["Debian 13", "6.12.9+deb13-cloud-amd64", "6.12.11+deb13-cloud-amd64"],
        ["Debian's backports", "6.1.0-0.deb11.6-cloud-amd64", "6.1.0-0.deb11.17-cloud-amd64"],
        ["Flatcar", "6.1.66-flatcar", "6.1.70-flatcar"],
        ["SUSE", "6.4.0-150600.23.7-azure", "6.4.0-150600.23.14-azure"],
        ["Azure Linux", "6.6.57.1-7.azl3", "6.6.57.1-10.azl3"],
        ["CBL-Mariner", "5.15.9.1-1.cm2", "5.15.126.1-1.cm2"],
        ["RHEL", "5.14.0-427.13.1.el9_4.x86_64", "5.14.0-427.16.1.el9_4.x86_64"],
        ["RHEL, whose first kernel has a shorter release", "4.18.0-553.el8_10.x86_64", "4.18.0-553.5.1.el8_10.x86_64"],
        ["RHEL's real-time", "5.14.0-427.13.1.el9_4.x86_64+rt", "5.14.0-427.16.1.el9_4.x86_64+rt"],
        ["RHEL 8's real-time", "4.18.0-553.rt7.342.el8_10.x86_64", "4.18.0-553.5.1.rt7.346.el8_10.x86_64"],
        ["Oracle", "5.15.0-205.149.5.1.el9uek.x86_64", "5.15.0-206.153.7.1.el9uek.x86_64"],
    ])("of %s", (_of, older, newer) => {
        install([older, newer]);
        expect(clean({ KAMINO_KERNEL: newer }).stderr).toBe("");
        const { status, stderr } = clean({ KAMINO_KERNEL: older });
        expect(status).toBe(1);
        expect(stderr).toContain(`the node runs kernel ${older} and has ${newer} installed`);
    });

    test.each([
        ["5.15.0-1050-azure", ["5.15.0-1049-azure", "6.8.0-1-generic", "6.8.0-1015-azure-fde"]],
        ["6.6.57.1-7.azl3", ["6.12.1-flatcar"]],
        ["4.18.0-553.el8_10.x86_64", ["4.18.0-553.rt7.342.el8_10.x86_64"]],
        [
            "5.14.0-427.13.1.el9_4.x86_64",
            [
                "0-rescue-3f1e9ab2c9d24d6b8f8d3c1f0a5b7c9e",
                "5.14.0-427.16.1.el9_4.x86_64+rt",
                "5.15.0-206.153.7.1.el9uek.x86_64",
            ],
        ],
    ])("beside %s others say nothing: %j", (running, others) => {
        install([running, ...others]);
        expect(clean({ KAMINO_KERNEL: running }).stderr).toBe("");
    });
});
