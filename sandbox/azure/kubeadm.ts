// Nodes that join by kubeadm: what their custom data says, and what kubeadm and kubelet make of it on a disk.
//
// As kubeadm 1.37 does it: its preflight refuses a machine that has joined before, and kubelet signs in with whatever
// certificate lies on its disk. A machine that signs in as another one's node cannot register its own: the API server's
// NodeRestriction forbids it. Where no cluster is there to sign kubelet's certificate, a line that names its subject
// stands in its place.
// Sources: cmd/kubeadm/app/preflight/checks.go and plugin/pkg/admission/noderestriction in
// https://github.com/kubernetes/kubernetes
import { X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import type { CloudConfig } from "./cloudConfig";

/** How kubelet signs in. */
export const KUBELET_CONF = "etc/kubernetes/kubelet.conf";
const CERTIFICATE = "var/lib/kubelet/pki/kubelet-client-current.pem";
/** How a line begins that stands in a certificate's place. */
const SUBJECT = "subject=";
/** How kubelet signs in until it has a certificate. */
const BOOTSTRAP_CONF = "etc/kubernetes/bootstrap-kubelet.conf";
/** Files of which kubeadm's preflight allows none. */
const JOINED_BEFORE = [KUBELET_CONF, BOOTSTRAP_CONF, "etc/kubernetes/pki/ca.crt"];
/** The token by which the machines of a scale set join whose custom data is the sandbox's own. */
export const DEFAULT_TOKEN = "abcdef.0123456789abcdef";

/** Custom data of a node that joins by kubeadm: a cloud-config with kubelet's labels and the command. */
export function kubeadmCustomData(kubeletSettings: string): string {
    const config = {
        write_files: [{ path: "/etc/default/kubelet", permissions: "0644", content: kubeletSettings }],
        runcmd: [
            `kubeadm join 10.240.255.5:6443 --token ${DEFAULT_TOKEN} --discovery-token-unsafe-skip-ca-verification`,
        ],
    };
    return Buffer.from(`#cloud-config\n${stringify(config)}`).toString("base64");
}

/** The command of a cloud-config that joins by kubeadm, if it has one. */
export function joinCommand({ runcmd = [] }: CloudConfig): string | undefined {
    return runcmd.map((words) => [words].flat().join(" ")).find((command) => command.startsWith("kubeadm join"));
}

/** What of a JoinConfiguration counts here. */
interface JoinConfiguration {
    kind?: string;
    discovery?: { bootstrapToken?: { token?: string }; file?: object };
    nodeRegistration?: { name?: string };
}

/**
 * `kubeadm join` on this disk; what it says, and on success kubelet's files and what the command writes then (Cluster
 * API's says `&& echo success > /run/cluster-api/bootstrap-success.complete`).
 */
export function joinByKubeadm(root: string, computerName: string, command: string): string {
    const given = /--config[ =](\S+)/.exec(command)?.[1];
    const configuration = given === undefined ? {} : readConfiguration(join(root, given));
    if (typeof configuration === "string") {
        return `kubeadm: ${configuration} (--config ${given})`;
    }
    const found = JOINED_BEFORE.filter((file) => existsSync(join(root, file)));
    if (found.length > 0) {
        return `kubeadm: preflight: ${found.map((file) => `/${file} already exists`).join(", ")}`;
    }
    const nodeName = (configuration.nodeRegistration?.name ?? computerName).toLowerCase();
    const token = configuration.discovery?.bootstrapToken?.token ?? /--token[ =](\S+)/.exec(command)?.[1];
    writeAsKubelet(root, nodeName, token);
    const marker = /&& echo (\S+) > (\S+)$/.exec(command);
    if (marker) {
        write(root, marker[2], `${marker[1]}\n`);
    }
    return `kubeadm: this machine has joined the cluster as ${nodeName}`;
}

/** The configuration in the file, or why kubeadm would not take it. */
function readConfiguration(file: string): JoinConfiguration | string {
    if (!existsSync(file)) {
        return "unable to read config: no such file or directory";
    }
    const documents = parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS() as unknown);
    const found = (documents as (JoinConfiguration | null)[]).find(
        (document) => document?.kind === "JoinConfiguration",
    );
    if (!found) {
        return "no JoinConfiguration found in the supplied config";
    }
    const { bootstrapToken, file: discoveryFile } = found.discovery ?? {};
    return bootstrapToken?.token || discoveryFile
        ? found
        : "discovery: Invalid value: bootstrapToken or file must be set";
}

/** The bootstrap token with which this machine's kubelet asks for its certificate, as long as it has none. */
export function bootstrapToken(root: string): string | undefined {
    const file = join(root, BOOTSTRAP_CONF);
    const kubeconfig = existsSync(file) ? (parse(readFileSync(file, "utf8")) as Kubeconfig) : undefined;
    return kubeconfig?.users[0]?.user.token;
}

/** What of a kubeconfig counts here. */
interface Kubeconfig {
    users: { user: { token?: string } }[];
}

/** The certificate and key of this machine's kubelet, PEM; undefined if no cluster has signed one. */
export function clientCertificate(root: string): string | undefined {
    const text = certificateText(root);
    return text?.includes("BEGIN CERTIFICATE") ? text : undefined;
}

/** Whether this machine joined by kubeadm and no cluster has signed its kubelet's certificate yet. */
export function isUnsigned(root: string): boolean {
    return certificateText(root)?.startsWith(SUBJECT) ?? false;
}

/** Writes what a cluster has signed, and the key to it. The token has done its work. */
export function keepClientCertificate(root: string, pem: string): void {
    write(root, CERTIFICATE, pem);
    rmSync(join(root, BOOTSTRAP_CONF), { force: true });
}

function certificateText(root: string): string | undefined {
    const file = join(root, CERTIFICATE);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** kubelet's files after a join. */
function writeAsKubelet(root: string, nodeName: string, token: string | undefined): void {
    const withUser = (user: object) =>
        stringify({
            ...{ apiVersion: "v1", kind: "Config" },
            clusters: [{ name: "default", cluster: { server: "https://10.240.255.5:6443" } }],
            users: [{ name: "default", user }],
        });
    const files = {
        [KUBELET_CONF]: withUser({ "client-certificate": `/${CERTIFICATE}`, "client-key": `/${CERTIFICATE}` }),
        ...(token !== undefined && { [BOOTSTRAP_CONF]: withUser({ token }) }),
        [CERTIFICATE]: `${SUBJECT}O=system:nodes, CN=${userOf(nodeName)}\n`,
        "etc/kubernetes/pki/ca.crt": "sandbox\n",
        "var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n",
    };
    for (const [file, text] of Object.entries(files)) {
        write(root, file, text);
    }
}

function write(root: string, file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
}

/** Whether this machine's kubelet may register its own node; undefined where it did not join by kubeadm. */
export function mayRegister(root: string, computerName: string): boolean | undefined {
    return existsSync(join(root, KUBELET_CONF)) ? userOnDisk(root) === userOf(computerName) : undefined;
}

/** Whom this machine's kubelet signs in as; undefined if it has no certificate. */
function userOnDisk(root: string): string | undefined {
    const pem = clientCertificate(root);
    const subject = pem === undefined ? certificateText(root) : new X509Certificate(pem).subject;
    return /CN=(\S+)/.exec(subject ?? "")?.[1];
}

/** The API server's user for a node. */
export function userOf(nodeName: string): string {
    return `system:node:${nodeName.toLowerCase()}`;
}
