// The Node object that a VM's kubelet registers: from the VM and what is on its disk. No client in here.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Node, V1Taint } from "@kubernetes/client-node";
import { KUBELET_CONF } from "../azure/kubeadm";
import type { Vm } from "../azure/types";
import { PLAYED_LABEL } from "../cluster/programs";

/** Version that nodes claim: of the clusters that AKS Engine's last releases made. */
export const KUBELET_VERSION = "v1.24.17";

/** Taint that the cloud controller puts on a node whose VM is off. */
export const SHUTDOWN_TAINT: V1Taint = { key: "node.cloudprovider.kubernetes.io/shutdown", effect: "NoSchedule" };

/** Labels and taints that the disk's kubelet settings ask for. */
export interface KubeletSettings {
    labels: Record<string, string>;
    taints: V1Taint[];
}

/** What /etc/default/kubelet says, as AKS Engine writes it: KUBELET_NODE_LABELS, and taints among kubelet's flags. */
export function kubeletSettings(diskDirectory: string): KubeletSettings {
    const text = read(diskDirectory, "etc/default/kubelet");
    const labels = /^KUBELET_NODE_LABELS="?([^"\n]*)"?$/m.exec(text)?.[1] ?? "";
    const taints = /(?:--register-with-taints=|^KUBELET_REGISTER_WITH_TAINTS="?)([^\s"]+)/m.exec(text)?.[1] ?? "";
    return {
        labels: Object.fromEntries(listed(labels).map((label) => pair(label, "="))),
        taints: listed(taints).map((taint) => {
            const [rest, effect] = pair(taint, ":");
            const [key, value] = pair(rest, "=");
            return { key, value, effect };
        }),
    };
}

/** The kubelet that is on a VM's disk, where the disk says it. */
function kubeletVersion({ diskDirectory }: Vm): string {
    return read(diskDirectory, "etc/kubelet-version").trim() || KUBELET_VERSION;
}

/** Patch level of the operating system on this disk. */
export function patchLevel(diskDirectory: string): string {
    return read(diskDirectory, "etc/os-patch-level").trim();
}

/**
 * The cloud provider's name for a VM. The provider writes the resource group in lower case, whatever the case of the
 * ARM id (kubernetes-sigs/cloud-provider-azure, ConvertResourceGroupNameToLower).
 */
export function providerId(vmId: string): string {
    return `azure://${vmId.replace(/(\/resourceGroups\/)([^/]+)/i, (_, key: string, name: string) => `${key}${name.toLowerCase()}`)}`;
}

/** The Node, with a status that isn't ready yet. `port` is where its kubelet answers. */
export function nodeOf(vm: Vm, port: number): V1Node {
    const { labels, taints } = kubeletSettings(vm.diskDirectory);
    return {
        metadata: {
            name: vm.nodeName,
            labels: { ...wellKnownLabels(vm), ...labels, [PLAYED_LABEL]: "running" },
            // As kubelet does: the controller manager attaches this node's volumes.
            annotations: {
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                ...(existsSync(join(vm.diskDirectory, KUBELET_CONF)) && {
                    "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock",
                }),
            },
        },
        spec: { providerID: providerId(vm.id), ...(taints.length > 0 && { taints }) },
        status: statusOf(vm, port),
    };
}

/** The part of a node's status that its kubelet knows at start. */
export function statusOf(vm: Vm, port: number): V1Node["status"] {
    const version = kubeletVersion(vm);
    const number = parseInt(vm.instanceId, 10) || 0;
    const resources = { cpu: "4", memory: "16Gi", pods: "110", "ephemeral-storage": "100Gi" };
    return {
        addresses: [
            { type: "Hostname", address: vm.nodeName },
            { type: "InternalIP", address: `10.240.${(number >> 8) & 255}.${(number & 255) + 4}` },
            // Where the API server finds this kubelet; see the API server's flags.
            { type: "ExternalIP", address: "127.0.0.1" },
        ],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
        capacity: resources,
        allocatable: resources,
        nodeInfo: {
            architecture: "amd64",
            bootID: vm.bootId,
            containerRuntimeVersion: `containerd://${containerdVersion(vm.diskDirectory)}`,
            kernelVersion: vm.kernelVersion,
            kubeProxyVersion: version,
            kubeletVersion: version,
            machineID: read(vm.diskDirectory, "etc/machine-id").trim(),
            operatingSystem: "linux",
            osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(read(vm.diskDirectory, "etc/os-release"))?.[1] ?? "Linux",
            systemUUID: vm.vmId,
        },
    };
}

/** Version of the installed package, as dpkg's database has it. */
function containerdVersion(diskDirectory: string): string {
    const packages = read(diskDirectory, "var/lib/dpkg/status").split(/\n{2,}/);
    const containerd = packages.find((one) => /^Package: (moby-containerd|containerd|containerd\.io)$/m.test(one));
    return /^Version: ([0-9.]+)/m.exec(containerd ?? "")?.[1] ?? "1.6.36";
}

function wellKnownLabels(vm: Vm): Record<string, string> {
    return {
        "kubernetes.io/hostname": vm.nodeName,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": vm.size,
        "topology.kubernetes.io/region": vm.location,
        // Without zones the provider writes the fault domain's number.
        "topology.kubernetes.io/zone": vm.zone ? `${vm.location}-${vm.zone}` : "0",
    };
}

function read(diskDirectory: string, file: string): string {
    const path = join(diskDirectory, file);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function listed(text: string): string[] {
    return text.split(",").filter((item) => item !== "");
}

/** Splits at the last separator, so that label keys and taints keep what is before it. */
function pair(text: string, separator: string): [string, string] {
    const at = text.lastIndexOf(separator);
    return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
