// How a machine that joined by kubeadm gets its kubelet's certificate, and what the API server takes it for: a bootstrap
// token, a signing request, the controller manager's own approver and signer, then that certificate from its disk.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/
import { readFileSync } from "node:fs";
import { CertificatesV1Api, KubeConfig, RbacAuthorizationV1Api, type User } from "@kubernetes/client-node";
import { certificateRequest } from "../authority";
import {
    bootstrapToken,
    clientCertificate,
    DEFAULT_TOKEN,
    isUnsigned,
    keepClientCertificate,
    mayRegister,
    userOf,
} from "../azure/kubeadm";
import type { Vm } from "../azure/types";
import type { Cluster } from "../cluster";
import { apiFrom, waitFor, type Api } from "./api";
import { nodeOf } from "./nodeObject";

const BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token";
/** What `kubeadm init` grants so that nodes can join and renew their certificates: role by binding. */
const GRANTS = {
    "kubeadm:kubelet-bootstrap": ["system:node-bootstrapper", BOOTSTRAPPERS],
    "kubeadm:node-autoapprove-bootstrap": [
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        BOOTSTRAPPERS,
    ],
    "kubeadm:node-autoapprove-certificate-rotation": [
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        "system:nodes",
    ],
};

/** The kubelets of one cluster's machines that joined by kubeadm. */
export class KubeadmKubelets {
    private prepared?: Promise<void>;

    constructor(
        private readonly api: Api,
        private readonly cluster: Pick<Cluster, "server" | "caFile">,
        private readonly kubeletPort: number,
    ) {}

    /**
     * The clients of a machine's kubelet, by the certificate on its disk; one that has none yet asks for it by its
     * token. Why the API server refuses that, as text. Undefined for a machine that did not join by kubeadm, or not by
     * a token.
     */
    async signIn(vm: Vm): Promise<Api | string | undefined> {
        if (isUnsigned(vm.diskDirectory)) {
            const token = bootstrapToken(vm.diskDirectory);
            if (token === undefined) {
                return undefined;
            }
            const refused = await this.requestCertificate(vm, token);
            if (refused !== undefined) {
                return refused;
            }
        }
        const pem = clientCertificate(vm.diskDirectory);
        return pem === undefined ? undefined : this.apiAs(certificateUser(pem));
    }

    /**
     * A machine whose disk carries another node's certificate registers its own node all the same: what the API server
     * says goes to its boot log.
     *
     * @throws Error when the API server lets it
     */
    async tryAsAnother(vm: Vm): Promise<void> {
        const pem = vm.power === "running" ? clientCertificate(vm.diskDirectory) : undefined;
        if (pem === undefined || mayRegister(vm.diskDirectory, vm.computerName) !== false) {
            return;
        }
        const { core } = this.apiAs(certificateUser(pem));
        const refused = await core.createNode({ body: nodeOf(vm, this.kubeletPort) }).then(() => undefined, wordsOf);
        if (refused === undefined) {
            throw new Error(`the API server let ${vm.nodeName} register with another node's certificate`);
        }
        vm.bootLog.push(`kubelet: ${refused}`);
    }

    /** Why it gets none; undefined once its certificate is on its disk. */
    private async requestCertificate(vm: Vm, token: string): Promise<string | undefined> {
        await (this.prepared ??= this.prepare());
        const { request, key } = await certificateRequest(userOf(vm.nodeName), "system:nodes");
        const certificates = this.apiAs({ token }).config.makeApiClient(CertificatesV1Api);
        try {
            const { metadata } = await certificates.createCertificateSigningRequest({
                body: {
                    metadata: { generateName: "node-csr-" },
                    spec: {
                        request: Buffer.from(request).toString("base64"),
                        signerName: "kubernetes.io/kube-apiserver-client-kubelet",
                        usages: ["digital signature", "client auth"],
                    },
                },
            });
            const name = metadata?.name ?? "";
            const issued = await waitFor(`certificate of ${vm.nodeName}`, async () => {
                const { status } = await certificates.readCertificateSigningRequest({ name });
                return status?.certificate;
            });
            keepClientCertificate(vm.diskDirectory, `${Buffer.from(issued, "base64").toString("utf8")}${key}\n`);
            return undefined;
        } catch (error) {
            if ((error as { code?: number }).code === 401) {
                return `kubelet: the bootstrap token ${token.split(".")[0]} is not one of the cluster's, or has expired`;
            }
            throw error;
        }
    }

    /** What `kubeadm init` leaves in a cluster. */
    private async prepare(): Promise<void> {
        const rbac = this.api.config.makeApiClient(RbacAuthorizationV1Api);
        const apiGroup = "rbac.authorization.k8s.io";
        await Promise.all(
            Object.entries(GRANTS).map(([name, [role, group]]) =>
                unlessThere(
                    rbac.createClusterRoleBinding({
                        body: {
                            metadata: { name },
                            roleRef: { apiGroup, kind: "ClusterRole", name: role },
                            subjects: [{ apiGroup, kind: "Group", name: group }],
                        },
                    }),
                ),
            ),
        );
        const [id, secret] = DEFAULT_TOKEN.split(".");
        const stringData = {
            "token-id": id,
            "token-secret": secret,
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": BOOTSTRAPPERS,
        };
        await unlessThere(
            this.api.core.createNamespacedSecret({
                namespace: "kube-system",
                body: {
                    metadata: { name: `bootstrap-token-${id}` },
                    type: "bootstrap.kubernetes.io/token",
                    stringData,
                },
            }),
        );
    }

    private apiAs(user: Omit<User, "name">): Api {
        const config = new KubeConfig();
        const { server, caFile } = this.cluster;
        config.loadFromOptions({
            clusters: [{ name: "cluster", server, caData: readFileSync(caFile).toString("base64") }],
            users: [{ name: "kubelet", ...user }],
            contexts: [{ name: "kubelet", cluster: "cluster", user: "kubelet" }],
            currentContext: "kubelet",
        });
        return apiFrom(config);
    }
}

/** Certificate and key are one file, as kubelet keeps them. */
function certificateUser(pem: string): Omit<User, "name"> {
    const data = Buffer.from(pem).toString("base64");
    return { certData: data, keyData: data };
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
    await creation.catch((error: { code?: number }) => {
        if (error.code !== 409) {
            throw error;
        }
    });
}

function wordsOf(error: unknown): string {
    const { body, message } = error as { body?: string; message?: string };
    try {
        return (JSON.parse(body ?? "") as { message?: string }).message ?? String(message);
    } catch {
        return String(message);
    }
}
