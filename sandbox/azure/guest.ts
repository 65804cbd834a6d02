// What is on a disk and how a boot goes: the parts of systemd, cloud-init, the VM agent and kubelet that a prototype's
// disk depends on.
//
// The order is that of a real Ubuntu on Azure: systemd-machine-id-setup, cloud-init (instance data, host name, custom
// data), the VM agent (provisioning, extensions), kubelet. The rules are stricter than life: any trace of another
// machine makes the boot unclean, since each trace does harm somewhere (equal machine ids and host names, instance data
// that stops cloud-init from doing its work).
import { randomBytes } from "node:crypto";
import {
    existsSync,
    lstatSync,
    mkdirSync,
    readFileSync,
    readdirSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { dirname, join, normalize } from "node:path";
import { cloudConfig, type CloudConfig } from "./cloudConfig";
import { joinCommand, joinByKubeadm, mayRegister } from "./kubeadm";

/** Who a VM is, known to it from the platform and not from its disk. */
export interface Identity {
    vmId: string;
    computerName: string;
    /** Machine ids that this VM has given itself in its life. */
    machineIds: string[];
}

/** What the platform gives a booting VM. */
export interface BootData extends Identity {
    /** Custom data, base64, as in the scale set's model when the VM was made. */
    customData: string | undefined;
    /** Script extensions to run, on the first boot of a new or reimaged VM. */
    scripts: { name: string; command: string }[];
    now: Date;
}

/** How a boot went. */
export interface BootResult {
    /** The guest is provisioned under its own identity; false if it carries another machine's. */
    clean: boolean;
    /** Kubelet is set up on this disk. */
    bootstrapped: boolean;
    bootstrapRan: boolean;
    /** Script extension that failed, if one did. */
    failedExtension?: string;
    joined: boolean;
    /** The kernel that was booted. */
    kernelVersion: string;
    log: string[];
}

/** Marker that the node's provisioning script leaves when it is through. */
export const PROVISION_COMPLETE = "opt/azure/containers/provision.complete";
const KUBELET_SETTINGS = "etc/default/kubelet";
/** Kernel of disks that have none in boot/. */
const DEFAULT_KERNEL = "5.4.0-1109-azure";
const GENERIC_HOST_NAMES = ["", "localhost", "localhost.localdomain"];

/**
 * Boots the disk in this folder. `bootstrap` is awaited when scripts run, so that the caller decides how long that
 * takes.
 */
export async function boot(root: string, data: BootData, bootstrap: () => Promise<void>): Promise<BootResult> {
    const log: string[] = [];
    write(root, "proc/sysrq-trigger", "");
    const traces = foreignTraces(root, data);
    const result: BootResult = {
        clean: traces.length === 0,
        bootstrapped: isBootstrapped(root),
        bootstrapRan: false,
        joined: false,
        kernelVersion: newestKernel(root),
        log,
    };
    if (!result.clean) {
        log.push(
            ...traces.map((trace) => `boot: not clean: ${trace}`),
            "boot: provisioning did not finish; kubelet is not started",
        );
        return result;
    }
    provision(root, data, log);
    for (const script of data.scripts) {
        log.push(`extension ${script.name}: running ${script.command}`);
        await bootstrap();
        if (!runScript(root, script.command, data.now)) {
            log.push(`extension ${script.name}: ${script.command} is not on this disk`);
            result.failedExtension = script.name;
            break;
        }
        result.bootstrapRan = true;
    }
    const own = mayRegister(root, data.computerName);
    result.bootstrapped = own ?? isBootstrapped(root);
    result.joined = result.bootstrapped && result.failedExtension === undefined;
    if (own === false) {
        log.push("kubelet: signs in as another node, and is forbidden to register this one");
    }
    log.push(
        result.joined
            ? `kubelet: registered node ${data.computerName.toLowerCase()}`
            : "kubelet: not set up on this disk, not started",
    );
    return result;
}

/** An orderly shutdown: the journal and the VM agent write to the disk on the way down, whatever was cleaned before. */
export function shutDown(root: string, identity: Identity, now: Date): void {
    const machineId = identity.machineIds.at(-1) ?? "";
    write(
        root,
        `var/log/journal/${machineId}/system.journal`,
        `${now.toISOString()} ${identity.computerName} systemd: Shutting down.\n`,
    );
    write(
        root,
        `var/lib/waagent/events/${now.getTime()}.tld`,
        JSON.stringify({ vmId: identity.vmId, event: "ProcessGoalState", operation: "shutdown" }),
    );
}

/** The power is gone, in whatever way: what was in memory is gone with it. A machine may have no disk yet. */
export function loseMemory(root: string): void {
    if (root === "") {
        return;
    }
    rmSync(join(root, "run"), { recursive: true, force: true });
    mkdirSync(join(root, "run"), { recursive: true });
}

/** The newest kernel that is installed, which the boot loader takes. */
function newestKernel(root: string): string {
    const kernels = files(root, "boot").flatMap((file) => /^boot\/vmlinuz-(.+)$/.exec(file)?.[1] ?? []);
    const order = new Intl.Collator("en", { numeric: true });
    return kernels.sort((a, b) => order.compare(a, b)).at(-1) ?? DEFAULT_KERNEL;
}

/** Whether the disk holds a node that was set up once. */
export function isBootstrapped(root: string): boolean {
    return existsSync(join(root, PROVISION_COMPLETE)) && existsSync(join(root, KUBELET_SETTINGS));
}

/** What on the disk belongs to another machine, one sentence each. */
export function foreignTraces(root: string, own: Identity): string[] {
    const traces: string[] = [];
    const hostName = read(root, "etc/hostname").trim();
    if (!GENERIC_HOST_NAMES.includes(hostName) && hostName !== own.computerName) {
        traces.push(`etc/hostname names another machine, ${hostName}`);
    }
    const machineId = read(root, "etc/machine-id").trim();
    if (machineId !== "" && machineId !== "uninitialized" && !own.machineIds.includes(machineId)) {
        traces.push(`etc/machine-id is another machine's, ${machineId}`);
    }
    for (const instance of cloudInstances(root)) {
        if (instance.toLowerCase() !== own.vmId.toLowerCase()) {
            traces.push(`var/lib/cloud holds instance data of another machine, ${instance}`);
        }
    }
    for (const folder of ["history", "events"]) {
        const foreign = files(root, `var/lib/waagent/${folder}`).filter((file) => !read(root, file).includes(own.vmId));
        if (foreign.length > 0) {
            traces.push(`var/lib/waagent/${folder} holds another machine's ${folder}, ${foreign[0]}`);
        }
    }
    const journals = files(root, "var/log/journal").filter((file) => !own.machineIds.includes(file.split("/")[3]));
    if (journals.length > 0) {
        traces.push(`var/log/journal holds another machine's journal, ${journals[0]}`);
    }
    return traces;
}

function provision(root: string, data: BootData, log: string[]): void {
    let machineId = read(root, "etc/machine-id").trim();
    if (machineId === "" || machineId === "uninitialized") {
        machineId = randomBytes(16).toString("hex");
        write(root, "etc/machine-id", `${machineId}\n`);
        log.push(`systemd: initialized machine id ${machineId}`);
    }
    if (!data.machineIds.includes(machineId)) {
        data.machineIds.push(machineId);
    }
    const known = cloudInstances(root).some((instance) => instance.toLowerCase() === data.vmId.toLowerCase());
    if (!known || read(root, "etc/hostname").trim() !== data.computerName) {
        newInstance(root, data, log);
    }
    write(
        root,
        `var/log/journal/${machineId}/system.journal`,
        `${data.now.toISOString()} ${data.computerName} systemd: Startup finished.\n`,
    );
    write(root, "var/lib/waagent/provisioned", data.vmId);
    write(
        root,
        `var/lib/waagent/history/${data.now.getTime()}_incarnation_1/GoalState.xml`,
        `<GoalState vmId="${data.vmId}"/>\n`,
    );
    write(
        root,
        `var/lib/waagent/events/${data.now.getTime()}.tld`,
        JSON.stringify({ vmId: data.vmId, event: "Provision", operation: "boot" }),
    );
}

// cloud-init on an instance that it does not know: host name, host keys, custom data's write_files.
function newInstance(root: string, data: BootData, log: string[]): void {
    write(root, "etc/hostname", `${data.computerName}\n`);
    write(
        root,
        "etc/ssh/ssh_host_ed25519_key.pub",
        `ssh-ed25519 ${randomBytes(32).toString("base64")} root@${data.computerName}\n`,
    );
    write(root, "var/lib/cloud/data/instance-id", `${data.vmId}\n`);
    const userData = Buffer.from(data.customData ?? "", "base64").toString("utf8");
    write(root, `var/lib/cloud/instances/${data.vmId}/user-data.txt`, userData);
    write(
        root,
        `var/lib/cloud/instances/${data.vmId}/datasource`,
        "DataSourceAzure: DataSourceAzure [seed=/dev/sr0]\n",
    );
    const link = join(root, "var/lib/cloud/instance");
    rmSync(link, { recursive: true, force: true });
    symlinkSync(join("instances", data.vmId), link);
    log.push(`cloud-init: new instance ${data.vmId}, host name ${data.computerName}`);
    const config = cloudConfig(userData, data.computerName) ?? {};
    for (const path of writeFiles(root, config)) {
        log.push(`cloud-init: wrote ${path}`);
    }
    const command = joinCommand(config);
    if (command !== undefined) {
        log.push(joinByKubeadm(root, data.computerName, command));
    }
}

// `write_files` of a cloud-config, kept inside the disk's folder; anything else in custom data is taken and does
// nothing.
function writeFiles(root: string, { write_files = [] }: CloudConfig): string[] {
    const written: string[] = [];
    for (const { path, content = "", encoding } of write_files) {
        const inside = normalize(`/${path ?? ""}`).slice(1);
        if (inside === "") {
            continue;
        }
        write(
            root,
            inside,
            encoding?.includes("b64") || encoding === "base64"
                ? Buffer.from(content, "base64").toString("utf8")
                : content,
        );
        written.push(`/${inside}`);
    }
    return written;
}

/**
 * The node's provisioning script: it needs to be on the disk (custom data puts it there) and leaves its marker. False
 * if it is not there.
 */
export function runScript(root: string, command: string, now: Date): boolean {
    const path = /\/[^\s"';|&]+\.sh/.exec(command)?.[0];
    if (path !== undefined && !existsSync(join(root, path))) {
        return false;
    }
    write(root, "etc/kubernetes/azure.json", JSON.stringify({ cloud: "AzurePublicCloud", vmType: "vmss" }));
    write(root, "etc/kubernetes/certs/client.crt", "-----BEGIN CERTIFICATE-----\nsandbox\n-----END CERTIFICATE-----\n");
    write(root, PROVISION_COMPLETE, `${now.toISOString()}\n`);
    return true;
}

function cloudInstances(root: string): string[] {
    const named = read(root, "var/lib/cloud/data/instance-id").trim();
    const folder = join(root, "var/lib/cloud/instances");
    const kept = existsSync(folder) ? readdirSync(folder) : [];
    return [...new Set([...(named ? [named] : []), ...kept])];
}

function files(root: string, folder: string): string[] {
    const full = join(root, folder);
    if (!existsSync(full)) {
        return [];
    }
    return readdirSync(full).flatMap((name) => {
        const path = `${folder}/${name}`;
        return lstatSync(join(root, path)).isDirectory() ? files(root, path) : [path];
    });
}

function read(root: string, file: string): string {
    const path = join(root, file);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function write(root: string, file: string, text: string): void {
    const path = join(root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
}
