// How a VM becomes a node: the control plane prepared as `kubeadm init` does, and the custom data with which cloud-init
// joins.
import { execFile } from "node:child_process";
import { X509Certificate, createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { KubeConfig } from "@kubernetes/client-node";
import type { Cluster } from "../cluster";
import { HOST_ADDRESS } from "./network";

const run = promisify(execFile);
const KUBEADM = resolve(__dirname, "..", "..", ".sandbox", "bin", "kubeadm");
/** kubeadm's own default; kubelets read the authority from it. */
const CERTIFICATES = "/etc/kubernetes/pki";
const CRI_SOCKET = "unix:///run/containerd/containerd.sock";
const KUBEADM_API = "kubeadm.k8s.io/v1beta4";
const KUBELET_CONFIGURATION = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    cgroupDriver: "systemd",
    rotateCertificates: true,
    failSwapOn: false,
    // An emulated machine is slow, not ill.
    nodeStatusUpdateFrequency: "5s",
};

/** Pods get addresses from a bridge on their own node; nothing here talks from node to node. */
const POD_NETWORK = {
    path: "/etc/cni/net.d/10-bridge.conflist",
    content: JSON.stringify({
        cniVersion: "1.0.0",
        name: "pods",
        plugins: [
            {
                type: "bridge",
                bridge: "cni0",
                isGateway: true,
                ipMasq: true,
                ipam: {
                    type: "host-local",
                    ranges: [[{ subnet: "10.244.1.0/24" }]],
                    routes: [{ dst: "0.0.0.0/0" }],
                },
            },
            { type: "portmap", capabilities: { portMappings: true } },
        ],
    }),
};

/** What a node needs to join. */
export interface JoinInformation {
    /** Address of the API server, as in `10.240.0.1:6443`. */
    endpoint: string;
    token: string;
    /** Hash of the authority's public key, by which kubeadm knows the cluster. */
    caCertHash: string;
}

/** Files and commands for cloud-init. */
interface CloudConfig {
    write_files: { path: string; content: string; permissions?: string }[];
    runcmd: string[];
}

/** The file that says how often a machine's custom data has run. */
export const CUSTOM_DATA_LOG = "/var/lib/custom-data-ran";

/**
 * Puts into the cluster what `kubeadm init` does for nodes to join: kubeadm's and kubelet's configuration, a bootstrap
 * token, the signed public information and the roles.
 */
export async function letNodesJoin(cluster: Cluster): Promise<JoinInformation> {
    const endpoint = `${HOST_ADDRESS}:${new URL(cluster.server).port}`;
    const token = `${randomBytes(3).toString("hex")}.${randomBytes(8).toString("hex")}`;
    const config = join(cluster.directory, "kubeadm.yaml");
    const documents = [
        {
            apiVersion: KUBEADM_API,
            kind: "InitConfiguration",
            bootstrapTokens: [{ token, ttl: "24h0m0s" }],
            localAPIEndpoint: { advertiseAddress: HOST_ADDRESS, bindPort: Number(new URL(cluster.server).port) },
            nodeRegistration: { name: "control-plane", criSocket: CRI_SOCKET },
        },
        {
            apiVersion: KUBEADM_API,
            kind: "ClusterConfiguration",
            kubernetesVersion: await kubeadmVersion(),
            controlPlaneEndpoint: endpoint,
            certificatesDir: CERTIFICATES,
            networking: { serviceSubnet: "10.0.0.0/16", podSubnet: "10.244.0.0/16" },
        },
        KUBELET_CONFIGURATION,
    ];
    writeFileSync(config, documents.map((document) => JSON.stringify(document)).join("\n---\n"));
    const kubeconfig = join(cluster.directory, "kubeadm.kubeconfig");
    writeFileSync(
        kubeconfig,
        readFileSync(cluster.kubeconfig, "utf8").replaceAll(cluster.server, `https://${endpoint}`),
        {
            mode: 0o600,
        },
    );
    for (const phase of [["upload-config", "kubeadm"], ["upload-config", "kubelet"], ["bootstrap-token"]]) {
        await run(KUBEADM, ["init", "phase", ...phase, "--config", config, "--kubeconfig", kubeconfig]);
    }
    const { publicKey } = new X509Certificate(readFileSync(cluster.caFile));
    const digest = createHash("sha256")
        .update(publicKey.export({ type: "spki", format: "der" }))
        .digest("hex");
    return { endpoint, token, caCertHash: `sha256:${digest}` };
}

async function kubeadmVersion(): Promise<string> {
    return (await run(KUBEADM, ["version", "-o", "short"])).stdout.trim();
}

/** Custom data that joins by `kubeadm join`, as Cluster API's does. */
export function kubeadmCustomData({ endpoint, token, caCertHash }: JoinInformation): string {
    const configuration = {
        apiVersion: KUBEADM_API,
        kind: "JoinConfiguration",
        discovery: { bootstrapToken: { apiServerEndpoint: endpoint, token, caCertHashes: [caCertHash] } },
        nodeRegistration: { criSocket: CRI_SOCKET },
        timeouts: { tlsBootstrap: "10m0s", kubeletHealthCheck: "10m0s", discovery: "5m0s" },
    };
    return cloudConfig({
        write_files: [
            {
                path: "/run/kubeadm/kubeadm-join-config.yaml",
                content: JSON.stringify(configuration),
                permissions: "0640",
            },
        ],
        runcmd: [
            "kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml && echo success > /run/bootstrap-success.complete",
        ],
    });
}

/**
 * Custom data that joins as AKS Engine's does: every node has the same client certificate, of an administrator, from
 * which kubelet gets a certificate for its own name.
 * https://github.com/Azure/aks-engine/blob/master/parts/k8s/cloud-init/nodecustomdata.yml
 */
export function sharedCertificateCustomData(cluster: Cluster, { endpoint }: JoinInformation): string {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    const user = config.getCurrentUser();
    const decoded = (base64 = "") => Buffer.from(base64, "base64").toString("utf8");
    const certificates = "/etc/kubernetes/certs";
    const kubeconfig = {
        apiVersion: "v1",
        kind: "Config",
        clusters: [
            {
                name: "localcluster",
                cluster: { server: `https://${endpoint}`, "certificate-authority": `${certificates}/ca.crt` },
            },
        ],
        users: [
            {
                name: "client",
                user: {
                    "client-certificate": `${certificates}/client.crt`,
                    "client-key": `${certificates}/client.key`,
                },
            },
        ],
        contexts: [{ name: "localclustercontext", context: { cluster: "localcluster", user: "client" } }],
        "current-context": "localclustercontext",
    };
    const kubelet = {
        ...KUBELET_CONFIGURATION,
        authentication: { x509: { clientCAFile: `${certificates}/ca.crt` }, anonymous: { enabled: false } },
        authorization: { mode: "Webhook" },
    };
    const secret = (path: string, content: string) => ({ path, content, permissions: "0600" });
    return cloudConfig({
        write_files: [
            secret("/var/lib/kubelet/kubeconfig", JSON.stringify(kubeconfig)),
            secret("/var/lib/kubelet/config.yaml", JSON.stringify(kubelet)),
            secret(`${certificates}/ca.crt`, readFileSync(cluster.caFile, "utf8")),
            secret(`${certificates}/client.crt`, decoded(user?.certData)),
            secret(`${certificates}/client.key`, decoded(user?.keyData)),
            {
                path: "/etc/systemd/system/kubelet.service.d/20-shared-certificate.conf",
                content:
                    "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --kubeconfig=/var/lib/kubelet/kubeconfig " +
                    "--config=/var/lib/kubelet/config.yaml\n",
            },
        ],
        runcmd: ["systemctl daemon-reload", "systemctl restart kubelet"],
    });
}

function cloudConfig({ write_files, runcmd }: CloudConfig): string {
    const ran = `cat /proc/sys/kernel/random/boot_id >> ${CUSTOM_DATA_LOG}`;
    return `#cloud-config\n${JSON.stringify({ write_files: [POD_NETWORK, ...write_files], runcmd: [ran, ...runcmd] })}\n`;
}
