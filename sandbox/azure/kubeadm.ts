// Nodes that join by kubeadm: what their custom data says, and what kubeadm and kubelet make of it on a disk.
//
// As kubeadm 1.37 does it: its preflight refuses a machine that has joined before, and kubelet signs in with whatever
// certificate lies on its disk. A machine that signs in as another one's node cannot register its own: the API server's
// NodeRestriction forbids it.
// Sources: cmd/kubeadm/app/preflight/checks.go and plugin/pkg/admission/noderestriction in
// https://github.com/kubernetes/kubernetes
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse as parseYaml, stringify } from "yaml";

/** How kubelet signs in. */
export const KUBELET_CONF = "etc/kubernetes/kubelet.conf";
const CERTIFICATE = "var/lib/kubelet/pki/kubelet-client-current.pem";
/** Files of which kubeadm's preflight allows none. */
const JOINED_BEFORE = [KUBELET_CONF, "etc/kubernetes/bootstrap-kubelet.conf", "etc/kubernetes/pki/ca.crt"];

/** Custom data of a node that joins by kubeadm: a cloud-config with kubelet's labels and the command. */
export function kubeadmCustomData(kubeletSettings: string): string {
    const config = {
        write_files: [{ path: "/etc/default/kubelet", permissions: "0644", content: kubeletSettings }],
        runcmd: [
            "kubeadm join 10.240.255.5:6443 --token abcdef.0123456789abcdef --discovery-token-unsafe-skip-ca-verification",
        ],
    };
    return Buffer.from(`#cloud-config\n${stringify(config)}`).toString("base64");
}

/** Whether a cloud-config tells the machine to join by kubeadm. */
export function asksForJoin(userData: string): boolean {
    if (!userData.startsWith("#cloud-config")) {
        return false;
    }
    const { runcmd = [] } = (parseYaml(userData) ?? {}) as { runcmd?: (string | string[])[] };
    return runcmd.some((command) => [command].flat().join(" ").startsWith("kubeadm join"));
}

/** `kubeadm join` on this disk; what it says, and on success kubelet's files. */
export function joinByKubeadm(root: string, computerName: string): string {
    const found = JOINED_BEFORE.filter((file) => existsSync(join(root, file)));
    if (found.length > 0) {
        return `kubeadm: preflight: ${found.map((file) => `/${file} already exists`).join(", ")}`;
    }
    const kubeconfig = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "default", cluster: { server: "https://10.240.255.5:6443" } }],
        users: [
            { name: "default", user: { "client-certificate": `/${CERTIFICATE}`, "client-key": `/${CERTIFICATE}` } },
        ],
    };
    const files = {
        [KUBELET_CONF]: stringify(kubeconfig),
        [CERTIFICATE]: `subject=O=system:nodes, CN=${userOf(computerName)}\n`,
        "etc/kubernetes/pki/ca.crt": "sandbox\n",
        "var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n",
    };
    for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, file)), { recursive: true });
        writeFileSync(join(root, file), text);
    }
    return `kubeadm: this machine has joined the cluster as ${computerName.toLowerCase()}`;
}

/** Whether this machine's kubelet may register its own node; undefined where it did not join by kubeadm. */
export function mayRegister(root: string, computerName: string): boolean | undefined {
    if (!existsSync(join(root, KUBELET_CONF))) {
        return undefined;
    }
    const file = join(root, CERTIFICATE);
    return (
        existsSync(file) &&
        readFileSync(file, "utf8")
            .trim()
            .endsWith(`CN=${userOf(computerName)}`)
    );
}

function userOf(computerName: string): string {
    return `system:node:${computerName.toLowerCase()}`;
}
