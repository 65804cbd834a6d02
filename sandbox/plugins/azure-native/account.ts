// Who the provider is in Azure: cloud, credential and subscription, from the settings that the official plugin reads.
import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import { promisify } from "node:util";
import {
    AzureAuthorityHosts,
    AzureCliCredential,
    ClientAssertionCredential,
    ClientCertificateCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
    type TokenCredential,
} from "@azure/identity";
import { type Cloud, resolveCloud } from "./cloud";

/** A setting by its name in `azure-native:` config, else by its environment variable. */
export type Setting = (name: string, ...variables: string[]) => string | undefined;

/** An identity in a cloud. */
export interface Account {
    cloud: Cloud;
    credential: TokenCredential;
    subscriptionId: string;
    clientId: string;
    tenantId: string;
}

/**
 * Resolves the account. Methods are tried in the official plugin's order: default credential, certificate, secret, OIDC,
 * managed identity, az CLI; the first that is configured is taken, and none after it.
 *
 * @throws when a method is configured but lacks something, or no subscription can be told
 */
export async function resolveAccount(setting: Setting): Promise<Account> {
    const cloud = await resolveCloud(setting);
    const credential = chooseCredential(setting, cloud);
    const subscriptionId =
        setting("subscriptionId", "ARM_SUBSCRIPTION_ID") ?? (await subscriptionOfAzureCli(credential));
    return {
        cloud,
        credential,
        subscriptionId,
        clientId: setting("clientId", "ARM_CLIENT_ID") ?? "",
        tenantId: setting("tenantId", "ARM_TENANT_ID") ?? "",
    };
}

function chooseCredential(setting: Setting, cloud: Cloud): TokenCredential {
    const isOn = (name: string, variable: string) => setting(name, variable)?.toLowerCase() === "true";
    // An authority that is none of Microsoft's own is not known to its instance discovery.
    const known = Object.values<string>(AzureAuthorityHosts).some(
        (host) => host === cloud.authorityHost.replace(/\/$/, ""),
    );
    const discovery = !known || isOn("disableInstanceDiscovery", "ARM_DISABLE_INSTANCE_DISCOVERY");
    const options = { authorityHost: cloud.authorityHost, disableInstanceDiscovery: discovery };
    const tenantId = setting("tenantId", "ARM_TENANT_ID");
    const clientId = setting("clientId", "ARM_CLIENT_ID");

    if (isOn("useDefaultAzureCredential", "ARM_USE_DEFAULT_AZURE_CREDENTIAL")) {
        return new DefaultAzureCredential({ ...options, tenantId });
    }
    const certificatePath = setting("clientCertificatePath", "ARM_CLIENT_CERTIFICATE_PATH");
    if (certificatePath) {
        const certificatePassword = setting("clientCertificatePassword", "ARM_CLIENT_CERTIFICATE_PASSWORD");
        const { tenant, client } = principal("a client certificate", tenantId, clientId);
        return new ClientCertificateCredential(tenant, client, { certificatePath, certificatePassword }, options);
    }
    const clientSecret = setting("clientSecret", "ARM_CLIENT_SECRET");
    if (clientSecret) {
        const { tenant, client } = principal("a client secret", tenantId, clientId);
        return new ClientSecretCredential(tenant, client, clientSecret, options);
    }
    if (isOn("useOidc", "ARM_USE_OIDC")) {
        const { tenant, client } = principal("OIDC", tenantId, clientId);
        return new ClientAssertionCredential(tenant, client, () => oidcToken(setting), options);
    }
    if (isOn("useMsi", "ARM_USE_MSI")) {
        return clientId ? new ManagedIdentityCredential({ clientId }) : new ManagedIdentityCredential();
    }
    return new AzureCliCredential(tenantId ? { tenantId } : {});
}

function principal(method: string, tenant: string | undefined, client: string | undefined) {
    if (!tenant || !client) {
        throw new Error(`A ${tenant ? "Client" : "Tenant"} ID must be configured when authenticating with ${method}.`);
    }
    return { tenant, client };
}

// A token as it is, one in a file, or one that GitHub gives for its request variables.
async function oidcToken(setting: Setting): Promise<string> {
    const token = setting("oidcToken", "ARM_OIDC_TOKEN");
    const file = setting("oidcTokenFilePath", "ARM_OIDC_TOKEN_FILE_PATH");
    const url = setting("oidcRequestUrl", "ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL");
    const requestToken = setting("oidcRequestToken", "ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    if (token ?? file) {
        return token ?? fs.readFile(file as string, "utf8");
    }
    if (!url || !requestToken) {
        throw new Error("An OIDC token or request URL and token must be configured when authenticating with OIDC.");
    }
    const request = new URL(url);
    request.searchParams.set("audience", setting("oidcAudience", "ARM_OIDC_AUDIENCE") ?? "api://AzureADTokenExchange");
    const response = await fetch(request, {
        headers: { accept: "application/json", authorization: `Bearer ${requestToken}` },
    });
    if (!response.ok) {
        throw new Error(`GitHub OIDC: ${response.status} with response: ${await response.text()}`);
    }
    return ((await response.json()) as { value: string }).value;
}

async function subscriptionOfAzureCli(credential: TokenCredential): Promise<string> {
    if (!(credential instanceof AzureCliCredential)) {
        throw new Error(
            "A Subscription ID must be configured: set azure-native:subscriptionId or ARM_SUBSCRIPTION_ID.",
        );
    }
    try {
        const { stdout } = await promisify(execFile)("az", ["account", "show", "--output", "json"]);
        return (JSON.parse(stdout) as { id: string }).id;
    } catch {
        throw new Error(
            "No credentials: set ARM_CLIENT_ID and ARM_CLIENT_SECRET (or another method), or run 'az login'.",
        );
    }
}
