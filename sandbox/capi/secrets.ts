// The Secrets of a cluster: what Cluster API reads of it, and tokens with which nodes join.
import { randomBytes } from "node:crypto";
import type { Api } from "../nodes/api";
import { NAMESPACE } from "./kinds";
import { CLUSTER } from "./manifests";

interface NewSecret {
    namespace?: string;
    name: string;
    type?: string;
    data: Record<string, string>;
}

/** Makes a Secret. */
export async function createSecret({ core }: Api, secret: NewSecret): Promise<void> {
    const { namespace = NAMESPACE, name, type = "Opaque", data } = secret;
    const labels = { "cluster.x-k8s.io/cluster-name": CLUSTER };
    await core.createNamespacedSecret({ namespace, body: { metadata: { name, labels }, type, stringData: data } });
}

/** Makes a Secret of the kind that Cluster API keeps for a cluster. */
export function createClusterSecret(api: Api, name: string, data: Record<string, string>): Promise<void> {
    return createSecret(api, { name, type: "cluster.x-k8s.io/secret", data });
}

/** Makes a bootstrap token of the cluster, as `kubeadm token create` does; returns it. It never expires by default. */
export async function createToken(api: Api, expiration?: Date): Promise<string> {
    const [id, secret] = [randomBytes(3).toString("hex"), randomBytes(8).toString("hex")];
    const data = {
        "token-id": id,
        "token-secret": secret,
        "usage-bootstrap-authentication": "true",
        "usage-bootstrap-signing": "true",
        ...(expiration && { expiration: expiration.toISOString() }),
        "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
    };
    const type = "bootstrap.kubernetes.io/token";
    await createSecret(api, { namespace: "kube-system", name: `bootstrap-token-${id}`, type, data });
    return `${id}.${secret}`;
}
