// Puts marked secrets wherever a run can come across one: Azure's models and tokens, the cluster's objects,
// kubeconfigs.
import { readFileSync, writeFileSync } from "node:fs";
import { AuthorizationV1Api, KubeConfig, RbacAuthorizationV1Api, Watch } from "@kubernetes/client-node";
import { parse, stringify } from "yaml";
import type { AzureSandbox, ScaleSetBody } from "../../../sandbox/azure";
import { waitFor } from "../../../sandbox/nodes/api";
import type { Sandbox } from "../../../sandbox/sandbox";
import type { Secrets } from "./secrets";

/** The annotation that this puts on nodes. */
const NOTE = "example.com/note";

interface Profile {
    osProfile: Record<string, string>;
    extensionProfile: { extensions: { properties: { protectedSettings?: Record<string, string> } }[] };
    userData?: string;
}

/** Puts a secret into a pool's model in each place that Azure's API takes one in, and never gives it back from. */
export function hideInModel(secrets: Secrets, { properties }: ScaleSetBody): void {
    const profile = properties.virtualMachineProfile as Profile;
    const customData = `${fromBase64(profile.osProfile.customData)}# ${secrets.make("customData")}\n`;
    profile.osProfile.customData = Buffer.from(customData).toString("base64");
    profile.osProfile.adminPassword = secrets.make("adminPassword");
    profile.userData = Buffer.from(secrets.make("userData")).toString("base64");
    const [script, billing] = profile.extensionProfile.extensions;
    script.properties.protectedSettings = {
        ...script.properties.protectedSettings,
        key: secrets.make("protectedSettings of an extension that goes"),
    };
    billing.properties.protectedSettings = { key: secrets.make("protectedSettings of an extension that stays") };
}

/** Puts one into a Secret, and into a note on each node: what is read of a cluster may hold anything. */
export async function hideInCluster(secrets: Secrets, { nodes, azure }: Sandbox): Promise<void> {
    const { core } = nodes.api;
    const stringData = { password: secrets.make("Secret") };
    await core.createNamespacedSecret({ namespace: "default", body: { metadata: { name: "hidden" }, stringData } });
    for (const { nodeName } of azure.vms()) {
        const path = `/metadata/annotations/${NOTE.replace("/", "~1")}`;
        const value = secrets.make(`annotation of ${nodeName}`);
        await core.patchNode({ name: nodeName, body: [{ op: "add", path, value }] });
    }
}

/** Marks every token that the local Azure issues from now on. */
export function markTokens(secrets: Secrets, { tokens }: AzureSandbox): { issued: () => number } {
    const issue = tokens.issue.bind(tokens);
    let issued = 0;
    tokens.issue = async (...args) => {
        const token = await issue(...args);
        secrets.add(`access token ${++issued}`, signatureOf(token));
        return token;
    };
    return { issued: () => issued };
}

/** What makes a token one; the rest only says whose it is. */
function signatureOf(token: string): string {
    return token.split(".")[2];
}

/** The client key in the sandbox's own kubeconfig, marked. */
export function markClientKey(secrets: Secrets, { cluster }: Sandbox): void {
    const { users } = parse(readFileSync(cluster.kubeconfig, "utf8")) as {
        users: { user: { "client-key-data": string } }[];
    };
    secrets.add("client key in the kubeconfig", fromBase64(users[0].user["client-key-data"]));
}

/** A token of a new service account, marked, which may do everything, or has no right at all. */
export async function serviceAccountToken(
    secrets: Secrets,
    { nodes }: Sandbox,
    name: string,
    clusterRole?: "cluster-admin",
): Promise<string> {
    const { config, core } = nodes.api;
    const namespace = "default";
    await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name } } });
    if (clusterRole) {
        const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: clusterRole };
        const body = { metadata: { name }, roleRef, subjects: [{ kind: "ServiceAccount", name, namespace }] };
        await config.makeApiClient(RbacAuthorizationV1Api).createClusterRoleBinding({ body });
    }
    const request = { name, namespace, body: { spec: { audiences: [] } } };
    const token = (await core.createNamespacedServiceAccountToken(request)).status?.token ?? "";
    if (clusterRole) {
        await waitFor(`the API server to go by the role of ${name}`, () => mayDoAll(config, namespace, name));
    }
    secrets.add(`token of service account ${name}`, signatureOf(token));
    return token;
}

/** True once the API server's authorizer has seen a binding to cluster-admin. */
async function mayDoAll(config: KubeConfig, namespace: string, name: string): Promise<true | undefined> {
    const resourceAttributes = { verb: "*", group: "*", resource: "*" };
    const spec = { user: `system:serviceaccount:${namespace}:${name}`, resourceAttributes };
    const review = await config.makeApiClient(AuthorizationV1Api).createSubjectAccessReview({ body: { spec } });
    return review.status?.allowed || undefined;
}

/** Writes a kubeconfig that signs in to the sandbox's cluster with this token. */
export function writeKubeconfig(file: string, { cluster }: Sandbox, token: string): void {
    const config = new KubeConfig();
    config.loadFromFile(cluster.kubeconfig);
    const name = "given";
    const { server, caData = "" } = config.getCurrentCluster() ?? {};
    const kubeconfig = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": name },
        clusters: [{ name, cluster: { server, "certificate-authority-data": caData } }],
        users: [{ name, user: { token } }],
        contexts: [{ name, context: { cluster: name, user: name } }],
    };
    writeFileSync(file, stringify(kubeconfig), { mode: 0o600 });
}

/**
 * Keeps every state of the cluster's nodes, pods, ConfigMaps and events from now on, without what `hideInCluster` puts
 * there.
 */
export async function recordCluster({ nodes }: Sandbox): Promise<{ seen: string[]; stop: () => void }> {
    const seen: string[] = [];
    const record = (phase: string, object: unknown) => {
        const text = JSON.stringify(object, (key, value: unknown) => (key === NOTE ? undefined : value));
        seen.push(`${phase} ${text}`);
    };
    const watch = new Watch(nodes.api.config);
    const kinds = ["nodes", "pods", "configmaps", "events"];
    const watches = await Promise.all(kinds.map((kind) => watch.watch(`/api/v1/${kind}`, {}, record, () => undefined)));
    return { seen, stop: () => watches.forEach((one) => one.abort()) };
}

function fromBase64(text: string): string {
    return Buffer.from(text, "base64").toString();
}
