// One VM: QEMU with an OS disk and what Azure gives a Linux VM to provision itself with. Always emulated: a KVM device
// that is there need not be able to run a kernel.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { NetworkPort } from "./network";
import { provisioningDisk, type Provisioning } from "./provisioning";
import { qmp } from "./qmp";

const run = promisify(execFile);

/** Shows that a machine runs in Azure. https://cloudinit.readthedocs.io/en/latest/reference/datasources/azure.html */
const AZURE_ASSET_TAG = "7783-7084-3265-9085-8269-3286-77";
/** Checks of an operating system's strength that cost an emulated processor much and prove nothing here. */
const KERNEL_OPTIONS = "quiet mitigations=off audit=0 apparmor=0 no_timer_check random.trust_cpu=on";

/** What was built before: a disk, its kernel, and the key of the administrator. */
export interface Artifacts {
    kernel: string;
    initrd: string;
    /** Path of the private SSH key of `azureuser`. */
    sshKey: string;
}

/** A VM to start. */
export interface MachineOptions extends Provisioning {
    /** Folder for its console, control socket and provisioning disk; must exist. */
    directory: string;
    /** Path of its OS disk, a raw file that it writes to. */
    disk: string;
    port: NetworkPort;
    artifacts: Artifacts;
    /** Whether this VM starts for the first time. Only then Azure gives it the disk to provision itself with. */
    isNew: boolean;
}

/** A VM that was started. */
export interface Machine {
    readonly name: string;
    readonly address: string;
    /** File with what its console has shown. */
    readonly console: string;
    isOn(): boolean;
    /** Resolves when it is off, however it came to be. */
    readonly off: Promise<void>;
    /** Runs a script as root over SSH; returns what it printed. */
    ssh(script: string): Promise<string>;
    /** Gives QEMU commands. */
    qmp(...commands: [name: string, args?: object][]): Promise<unknown[]>;
    /** Copies the running machine's disk at one point in time, as a snapshot of it does. */
    copyDisk(to: string): Promise<void>;
    /** Pulls the plug. */
    kill(): Promise<void>;
}

/** Starts a VM; returns at once. */
export async function startMachine(options: MachineOptions): Promise<Machine> {
    const { name, vmId, directory, disk, port, artifacts, isNew } = options;
    const console = join(directory, `${name}.console`);
    const socket = join(directory, `${name}.qmp`);
    const provisioning = isNew ? await provisioningDisk(directory, options) : undefined;
    const drive = (id: string, file: string, more: string) => [
        "-drive",
        `if=none,id=${id},file=${file},format=raw,${more}`,
        "-device",
        `virtio-blk-pci,drive=${id}`,
    ];
    const output = openSync(join(directory, `${name}.qemu`), "w");
    const child = spawn(
        "qemu-system-x86_64",
        [
            ...["-name", name, "-uuid", vmId, "-smbios", `type=3,asset=${AZURE_ASSET_TAG}`],
            ...[
                "-machine",
                "q35",
                "-accel",
                "tcg,thread=multi,tb-size=512",
                "-cpu",
                "Nehalem",
                "-smp",
                "2",
                "-m",
                "2048",
            ],
            ...["-nodefaults", "-no-user-config", "-display", "none", "-serial", `file:${console}`],
            ...["-kernel", artifacts.kernel, "-initrd", artifacts.initrd],
            ...["-append", `root=/dev/vda1 rw console=ttyS0 ${KERNEL_OPTIONS}`],
            ...drive("os", disk, "cache=unsafe,discard=unmap"),
            ...(provisioning ? drive("provisioning", provisioning, "readonly=on") : []),
            ...["-netdev", `tap,id=net,ifname=${port.tap},script=no,downscript=no`],
            ...["-device", `virtio-net-pci,netdev=net,mac=${port.mac},romfile=`],
            ...["-device", "virtio-rng-pci", "-device", "pcie-root-port,id=spare-slot,chassis=1"],
            ...["-qmp", `unix:${socket},server=on,wait=off`],
        ],
        { stdio: ["ignore", output, output] },
    );
    closeSync(output);
    const off = new Promise<void>((resolve) => {
        child.once("close", () => resolve());
        child.once("error", () => resolve());
    });
    return {
        name,
        address: port.address,
        console,
        isOn: () => isRunning(child),
        off,
        ssh: (script) => ssh(port.address, artifacts.sshKey, script),
        qmp: (...commands) => qmp(socket, ...commands),
        copyDisk: async (to) => {
            await qmp(socket, ["stop"]);
            try {
                await run("cp", ["--sparse=always", "--reflink=auto", disk, to]);
            } finally {
                await qmp(socket, ["cont"]);
            }
        },
        kill: async () => {
            child.kill("SIGKILL");
            await off;
        },
    };
}

function isRunning(child: ChildProcess): boolean {
    return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function ssh(address: string, key: string, script: string): Promise<string> {
    const options = [
        "BatchMode=yes",
        "ConnectTimeout=20",
        "ServerAliveInterval=20",
        "LogLevel=ERROR",
        // Its host keys are what is being looked at.
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
    ].flatMap((option) => ["-o", option]);
    const { stdout } = await run("ssh", [
        ...["-F", "/dev/null", "-i", key, ...options, `azureuser@${address}`],
        `sudo sh -c '${script.replaceAll("'", `'\\''`)}'`,
    ]);
    return stdout;
}

/** The last lines of what a machine's console has shown, for an error's message. */
export function lastWords({ console }: Pick<Machine, "console">, lines = 15): string {
    try {
        return readFileSync(console, "utf8").split("\n").slice(-lines).join("\n");
    } catch {
        return "its console has shown nothing";
    }
}
