// Disks that a new machine could not make its own, by either script: without cloud-init, or with a network that is one
// machine's.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Disk } from "./disk";

const ADDRESS = "00:0d:3a:12:34:56";

let disk: Disk;

beforeEach(() => {
    disk = new Disk({
        "etc/hostname": "node-a\n",
        "etc/machine-id": "0123\n",
        "etc/os-release": "ID=ubuntu\n",
        "etc/cloud/cloud.cfg": "preserve_hostname: false\n",
        "usr/bin/cloud-init": "",
        "usr/bin/env": "",
        "var/log/syslog": "",
        "proc/sysrq-trigger": "",
    });
});

afterEach(() => disk.remove());

const put = (files: Record<string, string>) => Object.entries(files).forEach(([path, text]) => disk.put(path, text));
const take = (path: string) => rmSync(join(disk.root, path), { recursive: true });

/** What the script for this way of capturing says; nothing where it has cleaned the disk. */
function saidBy(way: "in-place" | "copy"): string {
    const { status, stderr } = disk.run(way, { KAMINO_STEP: "clean", KAMINO_KERNEL: "5.15.0-1050-azure" });
    expect(status === 0).toBe(stderr === "");
    if (stderr !== "") {
        expect(stderr).toMatch(/; the disk is not changed\n$/);
        expect(disk.read("etc/hostname")).toBe("node-a\n");
    }
    return stderr;
}

describe.each(["in-place", "copy"] as const)("%s:", (way) => {
    test("a disk without cloud-init is refused: nothing would give a machine what the cleaning takes", () => {
        take("usr/bin/cloud-init");
        take("etc/cloud");
        expect(saidBy(way)).toMatch(/cloud-init is not installed, and nothing else gives a new machine its host name/);
    });

    test("so is one whose cloud-init was removed and has left its configuration", () => {
        take("usr/bin/cloud-init");
        expect(saidBy(way)).toMatch(/cloud-init is not installed/);
    });

    test.each([
        "usr/local/bin/cloud-init",
        "opt/python/bin/cloud-init",
        "usr/lib/systemd/system/cloud-init.service",
        "usr/libexec/cloud-init/ds-identify",
    ])("one that has %s is not", (path) => {
        take("usr/bin/cloud-init");
        disk.put(path, "");
        expect(saidBy(way)).toBe("");
    });

    test("one whose programs are on another partition is not, if it has cloud-init's configuration", () => {
        take("usr/bin");
        expect(saidBy(way)).toBe("");
    });

    test.each(["policy: disabled\n", "# comment\npolicy: 'disabled'\n"])("cloud-init by %j is refused", (text) => {
        disk.put("etc/cloud/ds-identify.cfg", text);
        expect(saidBy(way)).toMatch(/cloud-init is disabled \(policy in \/etc\/cloud\/ds-identify.cfg\)/);
    });

    test("another policy of cloud-init's is none", () => {
        disk.put("etc/cloud/ds-identify.cfg", "policy: search,found=all,maybe=none,notfound=disabled\n");
        expect(saidBy(way)).toBe("");
    });

    const pinned: [string, string][] = [
        [
            "etc/netplan/50-cloud-init.yaml",
            `network:\n  ethernets:\n    eth0:\n      match: {macaddress: "${ADDRESS}"}\n`,
        ],
        ["etc/systemd/network/10-eth0.network", `[Match]\nMACAddress=${ADDRESS}\n`],
        ["etc/systemd/network/10-eth0.link", `[Match]\nPermanentMACAddress=${ADDRESS.replaceAll(":", "-")}\n`],
        ["etc/sysconfig/network-scripts/ifcfg-eth0", `DEVICE=eth0\nHWADDR=${ADDRESS}\n`],
        ["etc/NetworkManager/system-connections/eth0.nmconnection", `[ethernet]\nmac-address=${ADDRESS}\n`],
    ];
    test.each(pinned)("a network that is bound to the machine's address in %s is refused", (path, text) => {
        put({ [path]: text, "etc/cloud/cloud.cfg.d/99-no-network.cfg": "network: {config: disabled}\n" });
        const said = saidBy(way);
        expect(said).toContain(`/${path} has the address`);
        expect(said).toContain("/etc/cloud/cloud.cfg.d/99-no-network.cfg keeps cloud-init from");
    });

    test.each([
        "network: {config: disabled}\n",
        "network:\n  config: disabled\n",
        "a: 1\nnetwork: # none\n  # not here\n  config: 'disabled'\n",
        'network: {"config": "disabled"}\n',
    ])("cloud-init's network is off by %j", (text) => {
        put({ "etc/cloud/cloud.cfg": text, [pinned[0][0]]: pinned[0][1] });
        expect(saidBy(way)).toMatch(/etc\/cloud\/cloud.cfg keeps cloud-init from writing it anew/);
    });

    test.each<[string, Record<string, string>]>([
        ["an address that cloud-init writes anew", { [pinned[0][0]]: pinned[0][1] }],
        [
            "something else that is disabled",
            {
                "etc/cloud/cloud.cfg.d/9.cfg": "network:\n  renderers: x\nother:\n  config: disabled\n",
                ...Object.fromEntries(pinned),
            },
        ],
        [
            "a network by names, with cloud-init's off",
            {
                "etc/cloud/cloud.cfg.d/9.cfg": "network: {config: disabled}\n",
                "etc/netplan/01.yaml": `network:\n  ethernets:\n    eth0: {dhcp4: true}\n    # macaddress: ${ADDRESS}\n`,
                "etc/sysconfig/network-scripts/ifcfg-eth0": "HWADDR=\n",
                "etc/systemd/network/br0.netdev": `[NetDev]\nMACAddress=${ADDRESS}\n`,
            },
        ],
    ])("no reason is %s", (_what, files) => {
        put(files);
        expect(saidBy(way)).toBe("");
    });
});
