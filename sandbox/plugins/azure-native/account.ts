// Who the provider is in Azure: cloud, credential and subscription, from the settings that the official plugin reads.
import { ClientAssertionCredential, ClientSecretCredential, type TokenCredential } from "@azure/identity";
import { type Cloud, type Setting, resolveCloud } from "./cloud";

/** An identity in a cloud. */
export interface Account {
    cloud: Cloud;
    credential: TokenCredential;
    subscriptionId: string;
    clientId: string;
    tenantId: string;
}

/**
 * Resolves the account, by a client secret or an OIDC token: in the official plugin's order the first that is
 * configured.
 *
 * @throws when none is configured, or something is missing beside it
 */
export async function resolveAccount(setting: Setting): Promise<Account> {
    const cloud = await resolveCloud(setting);
    const tenantId = setting("tenantId", "ARM_TENANT_ID");
    const clientId = setting("clientId", "ARM_CLIENT_ID");
    const subscriptionId = setting("subscriptionId", "ARM_SUBSCRIPTION_ID");
    if (!tenantId || !clientId || !subscriptionId) {
        throw new Error(
            "ARM_TENANT_ID, ARM_CLIENT_ID and ARM_SUBSCRIPTION_ID must be set, or their azure-native settings.",
        );
    }
    return {
        cloud,
        credential: chooseCredential(setting, cloud, tenantId, clientId),
        subscriptionId,
        clientId,
        tenantId,
    };
}

function chooseCredential(setting: Setting, cloud: Cloud, tenantId: string, clientId: string): TokenCredential {
    // The sandbox's authority is not known to Microsoft's instance discovery.
    const options = { authorityHost: cloud.authorityHost, disableInstanceDiscovery: true };
    const clientSecret = setting("clientSecret", "ARM_CLIENT_SECRET");
    if (clientSecret) {
        return new ClientSecretCredential(tenantId, clientId, clientSecret, options);
    }
    const token = setting("oidcToken", "ARM_OIDC_TOKEN");
    if (setting("useOidc", "ARM_USE_OIDC")?.toLowerCase() === "true" && token) {
        return new ClientAssertionCredential(tenantId, clientId, () => Promise.resolve(token), options);
    }
    throw new Error("The sandbox's azure-native signs in by ARM_CLIENT_SECRET, or by ARM_USE_OIDC and ARM_OIDC_TOKEN.");
}
