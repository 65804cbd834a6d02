// Who has what deploy/permissions/ says and nothing more, or all of it but one thing: principals of Azure, service
// accounts of the cluster.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
    AuthorizationV1Api,
    RbacAuthorizationV1Api,
    type RbacV1Subject,
    type V1ClusterRole,
    type V1Namespace,
    type V1PolicyRule,
    type V1Role,
} from "@kubernetes/client-node";
import { parseAllDocuments } from "yaml";
import type { AzureSandbox, Principal, RoleAssignment, ScaleSet } from "../../sandbox/azure";
import { repository } from "../../sandbox/engine/paths";
import type { Stack } from "../../sandbox/engine/stack";
import { waitFor, type Api } from "../../sandbox/nodes/api";
import type { Sandbox } from "../../sandbox/sandbox";

/** A custom role as `az role definition create` takes it. */
export interface AzureRole {
    Name: string;
    IsCustom: boolean;
    Description: string;
    Actions: string[];
    NotActions: string[];
    DataActions: string[];
    NotDataActions: string[];
    AssignableScopes: string[];
}

/** The custom role in deploy/permissions/azure. */
export function azureRole(name: string): AzureRole {
    return JSON.parse(
        readFileSync(join(repository, "deploy", "permissions", "azure", `${name}.json`), "utf8"),
    ) as AzureRole;
}

/** What a file of deploy/permissions/kubernetes may hold. */
export type Manifest = V1Namespace | V1ClusterRole | V1Role;

/** The objects in a file of deploy/permissions/kubernetes. */
export function manifests(name: string): Manifest[] {
    const text = readFileSync(join(repository, "deploy", "permissions", "kubernetes", `${name}.yaml`), "utf8");
    return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** The one object of this kind in a file of deploy/permissions/kubernetes; throws when there is none. */
export function manifest<T extends Manifest>(file: string, kind: string): T {
    const found = manifests(file).find((one) => one.kind === kind);
    if (!found) {
        throw new Error(`deploy/permissions/kubernetes/${file}.yaml has no ${kind}`);
    }
    return found as T;
}

/** A role at a scope, with one action taken out of it. */
function assignment(role: string, scope: string, without?: string): RoleAssignment {
    const actions = azureRole(role).Actions.filter((action) => action !== without);
    return { scope, role: { name: role, actions } };
}

/** A verb on a resource, in one namespace or in the whole cluster. */
export interface Verb {
    verb: string;
    group: string;
    /** As in a rule, subresource included. */
    resource: string;
    namespace?: string;
}

/** Every verb that these roles give. */
export function verbsOf(roles: Manifest[]): Verb[] {
    return roles.flatMap((object) =>
        ("rules" in object ? (object.rules ?? []) : []).flatMap(
            ({ apiGroups: [group] = [""], resources = [], verbs }) =>
                resources.flatMap((resource) =>
                    verbs.map((verb) => ({ verb, group, resource, namespace: object.metadata?.namespace })),
                ),
        ),
    );
}

/** A verb as a test's name and an error say it. */
export function textOf({ verb, resource, namespace }: Verb): string {
    return `${verb} ${resource}${namespace ? ` in ${namespace}` : ""}`;
}

/**
 * How the API server refuses a verb; a verb that is given in the whole cluster may have been wanted in one namespace.
 */
export function refusalOf({ verb, group, resource, namespace }: Verb): string {
    const where = namespace ? ` in the namespace "${namespace}"` : "";
    return `cannot ${verb} resource "${resource}" in API group "${group}"${where}`;
}

const ACCOUNTS = "ci";

/** Where accounts are made: a sandbox, or a cluster alone. */
interface Place {
    nodes: { api: Api };
    /** For their kubeconfigs. */
    directory: string;
    cluster: { server: string; caFile: string };
}

/**
 * A service account that has these roles and nothing more, less one verb if so wanted; its kubeconfig: a path. Resolves
 * when the API server goes by the roles.
 */
export async function serviceAccount(
    { nodes: { api }, directory, cluster }: Place,
    name: string,
    roles: Manifest[],
    without?: Verb,
): Promise<string> {
    await ensure(api.core.createNamespace({ body: { metadata: { name: ACCOUNTS } } }));
    await api.core.createNamespacedServiceAccount({ namespace: ACCOUNTS, body: { metadata: { name } } });
    for (const object of roles) {
        await grant(api, object, name, without);
    }
    const body = { spec: { audiences: [], expirationSeconds: 3600 } };
    const { status } = await api.core.createNamespacedServiceAccountToken({ namespace: ACCOUNTS, name, body });
    const path = join(directory, `${name}.kubeconfig`);
    const config = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": name },
        clusters: [{ name, cluster: { server: cluster.server, "certificate-authority": cluster.caFile } }],
        users: [{ name, user: { token: status?.token } }],
        contexts: [{ name, context: { cluster: name, user: name } }],
    };
    writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
    return path;
}

/** Makes what a file holds, its roles under the account's name, and binds them to it. */
async function grant(api: Api, object: Manifest, account: string, without?: Verb) {
    const rbac = api.config.makeApiClient(RbacAuthorizationV1Api);
    if (!("rules" in object)) {
        await ensure(api.core.createNamespace({ body: object }));
        return;
    }
    const namespace = object.metadata?.namespace;
    const name = `${object.metadata?.name}-${account}`;
    const rules = (object.rules ?? []).map((rule) => withoutVerb(rule, namespace, without));
    const body = { metadata: { name, namespace }, rules: rules.filter(({ verbs }) => verbs.length > 0) };
    const subjects: RbacV1Subject[] = [{ kind: "ServiceAccount", name: account, namespace: ACCOUNTS }];
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: object.kind ?? "", name };
    if (namespace) {
        await rbac.createNamespacedRole({ namespace, body });
        await rbac.createNamespacedRoleBinding({ namespace, body: { metadata: { name }, subjects, roleRef } });
    } else {
        await rbac.createClusterRole({ body });
        await rbac.createClusterRoleBinding({ body: { metadata: { name }, subjects, roleRef } });
    }
    for (const rule of body.rules) {
        await inForce(api, account, rule, namespace);
    }
}

function withoutVerb(rule: V1PolicyRule, namespace: string | undefined, without?: Verb): V1PolicyRule {
    const hit = without && without.namespace === namespace && rule.resources?.includes(without.resource);
    return hit ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== without.verb) } : rule;
}

/** Resolves when the API server allows what a rule says: its authorizer hears of new roles a moment later. */
async function inForce(api: Api, account: string, rule: V1PolicyRule, namespace?: string): Promise<void> {
    const [resource, subresource] = (rule.resources?.[0] ?? "").split("/");
    const resourceAttributes = {
        ...{ group: rule.apiGroups?.[0], resource, subresource, verb: rule.verbs[0] },
        ...{ namespace, name: rule.resourceNames?.[0] },
    };
    const user = `system:serviceaccount:${ACCOUNTS}:${account}`;
    const reviews = api.config.makeApiClient(AuthorizationV1Api);
    await waitFor(`${account}'s roles to count`, async () => {
        const { status } = await reviews.createSubjectAccessReview({ body: { spec: { user, resourceAttributes } } });
        return status?.allowed ? true : undefined;
    });
}

/** What may be there already, as when applied. */
async function ensure(creation: Promise<unknown>): Promise<void> {
    await creation.catch((error: unknown) => {
        if ((error as { code?: number }).code !== 409) {
            throw error;
        }
    });
}

/** The variables of a process that is this principal and this service account. */
export function environmentOf(sandbox: Sandbox, principal: Principal, kubeconfig: string): NodeJS.ProcessEnv {
    return { ...sandbox.env, ...sandbox.azure.envFor(principal), KUBECONFIG: kubeconfig };
}

/** Lets a stack's next commands run as this principal and this service account. */
export function runAs(stack: Stack, sandbox: Sandbox, principal: Principal, kubeconfig: string): void {
    Object.assign(stack.env, sandbox.azure.envFor(principal), { KUBECONFIG: kubeconfig });
}

/** Ids of what the pool of `createJoiningPool` joins in a resource group that is not its own. */
export function joinedElsewhere({ subscriptionId }: AzureSandbox): { identity: string; securityGroup: string } {
    const providers = `/subscriptions/${subscriptionId}/resourceGroups/shared-network/providers`;
    return {
        identity: `${providers}/Microsoft.ManagedIdentity/userAssignedIdentities/nodes`,
        securityGroup: `${providers}/Microsoft.Network/networkSecurityGroups/nodes`,
    };
}

/**
 * A pool whose model names all that kamino-up has an action for: subnet and load balancer, identity and security group.
 */
export function createJoiningPool(azure: AzureSandbox, name: string, capacity: number): Promise<ScaleSet> {
    const { identity, securityGroup } = joinedElsewhere(azure);
    return azure.createScaleSet({
        ...{ name, capacity, identity: [identity] },
        change: ({ properties: { virtualMachineProfile } }) => {
            const { networkProfile } = virtualMachineProfile as { networkProfile: NetworkProfile };
            networkProfile.networkInterfaceConfigurations[0].properties.networkSecurityGroup = { id: securityGroup };
        },
    });
}

interface NetworkProfile {
    networkInterfaceConfigurations: { properties: { networkSecurityGroup?: { id: string } } }[];
}

/**
 * The role and kamino-regions at the scopes that docs/permissions.md says, for the group of that pool; with one action
 * taken out.
 */
export function assignmentsFor(
    azure: AzureSandbox,
    pool: Pick<ScaleSet, "resourceGroup">,
    role: "kamino-preview" | "kamino-up" | "kamino-up-copy" | "kamino-machines-preview" | "kamino-machines-up",
    without?: string,
): RoleAssignment[] {
    const subscription = `/subscriptions/${azure.subscriptionId}`;
    // In the other group the role is given at what the model joins, and so allows no more than that there.
    const writesModels = role === "kamino-up" || role === "kamino-up-copy";
    const joins = writesModels ? Object.values(joinedElsewhere(azure)) : [];
    return [
        assignment("kamino-regions", subscription, without),
        ...[`${subscription}/resourceGroups/${pool.resourceGroup}`, ...joins].map((scope) =>
            assignment(role, scope, without),
        ),
    ];
}
