// Whether the API server would let a machine in that joins by a bootstrap token.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
import type { Vm } from "../azure/types";
import { bootstrapToken } from "../azure/kubeadm";
import { isNotFound, type Api } from "./api";

/**
 * Why kubelet gets no certificate on a machine that is new to the cluster; undefined if it does, or if it did not join
 * by a token that its configuration names.
 */
export async function refusedToken({ core }: Api, vm: Vm, now = new Date()): Promise<string | undefined> {
    const token = bootstrapToken(vm.diskDirectory);
    if (token === undefined) {
        return undefined;
    }
    const [id, secret] = token.split(".");
    const refused = `kubelet: the bootstrap token ${id} is not one of the cluster's, or has expired`;
    const found = await core
        .readNamespacedSecret({ namespace: "kube-system", name: `bootstrap-token-${id}` })
        .catch((error: unknown) => {
            if (isNotFound(error)) {
                return undefined;
            }
            throw error;
        });
    const data = (key: string) => Buffer.from(found?.data?.[key] ?? "", "base64").toString("utf8");
    const good =
        data("token-secret") === secret &&
        data("usage-bootstrap-authentication") === "true" &&
        (data("expiration") === "" || new Date(data("expiration")) > now);
    return good ? undefined : refused;
}
