// The settings of azure-native, which this program's own calls follow: the stack's configuration, then environment
// variables.
import { Config, type dynamic } from "@pulumi/pulumi";

/** A setting by its name under `azure-native:`, as in `clientId`; undefined when it is not set. */
export type GetSetting = (name: string) => string | undefined;

let configured: GetSetting = (name) => new Config("azure-native").get(name);

/** Takes the stack's configuration, where the process does not have it itself (that of the dynamic resources). */
export function configureAzure(get: GetSetting): void {
    configured = get;
}

/** What the engine calls first for a dynamic resource that talks to Azure. */
export function configureFromStack({ config }: dynamic.ConfigureRequest): Promise<void> {
    configureAzure((name) => config.get(`azure-native:${name}`));
    return Promise.resolve();
}

/**
 * The settings of azure-native: the stack's configuration goes before the environment, as in the provider itself.
 * Names of the variables: https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
 */
export const VARIABLES: Record<string, string[]> = {
    auxiliaryTenantIds: ["ARM_AUXILIARY_TENANT_IDS"],
    clientCertificatePassword: ["ARM_CLIENT_CERTIFICATE_PASSWORD"],
    clientCertificatePath: ["ARM_CLIENT_CERTIFICATE_PATH"],
    clientId: ["ARM_CLIENT_ID"],
    clientSecret: ["ARM_CLIENT_SECRET"],
    disableInstanceDiscovery: ["ARM_DISABLE_INSTANCE_DISCOVERY"],
    environment: ["ARM_ENVIRONMENT", "AZURE_ENVIRONMENT"],
    metadataHost: ["ARM_METADATA_HOSTNAME"],
    oidcRequestToken: ["ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"],
    oidcRequestUrl: ["ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL"],
    oidcAudience: ["ARM_OIDC_AUDIENCE"],
    oidcToken: ["ARM_OIDC_TOKEN"],
    oidcTokenFilePath: ["ARM_OIDC_TOKEN_FILE_PATH"],
    subscriptionId: ["ARM_SUBSCRIPTION_ID"],
    tenantId: ["ARM_TENANT_ID"],
    useDefaultAzureCredential: ["ARM_USE_DEFAULT_AZURE_CREDENTIAL"],
    useMsi: ["ARM_USE_MSI"],
    useOidc: ["ARM_USE_OIDC"],
};

/**
 * The settings that are secret; this program itself has none.
 * Source: https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
 */
export const SECRET_SETTINGS = ["clientCertificatePassword", "clientSecret", "oidcRequestToken", "oidcToken"] as const;

/** One setting: from the stack's configuration, else from its environment variables. */
export function setting(name: string): string | undefined {
    const variables = VARIABLES[name] ?? [];
    return configured(name) || variables.map((variable) => process.env[variable]).find(Boolean);
}

/** Whether a switch is on: by `true` alone, as the provider reads it. */
export function isOn(name: string): boolean {
    return setting(name) === "true";
}
