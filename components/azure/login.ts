// Who this program is to Azure, and which Azure: credentials and endpoints from the settings that azure-native reads.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import {
    AzureCliCredential,
    ClientAssertionCredential,
    ClientCertificateCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
    type TokenCredential,
} from "@azure/identity";
import { Config } from "@pulumi/pulumi";
import { UserError, oneLine } from "../core/errors";
import { requestOidcToken } from "./oidc";

/** A setting by its name under `azure-native:`, as in `clientId`; undefined when it is not set. */
export type GetSetting = (name: string) => string | undefined;

/** The endpoints of one Azure cloud. */
export interface Cloud {
    /** Azure Resource Manager, without a slash at the end. */
    resourceManager: string;
    /** Where tokens come from, as in `https://login.microsoftonline.com`. */
    authorityHost: string;
    /** What a token for Azure Resource Manager is asked for. */
    scope: string;
    /** False for the public, government and China clouds, which the login library knows. */
    custom: boolean;
}

let configured: GetSetting = (name) => new Config("azure-native").get(name);

/** Takes the stack's configuration, where the process does not have it itself (that of the dynamic resources). */
export function configureAzure(get: GetSetting): void {
    configured = get;
}

/**
 * The settings of azure-native: the stack's configuration goes before the environment, as in the provider itself.
 * Names of the variables: https://www.pulumi.com/registry/packages/azure-native/installation-configuration/
 */
const VARIABLES: Record<string, string[]> = {
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
    oidcToken: ["ARM_OIDC_TOKEN"],
    oidcTokenFilePath: ["ARM_OIDC_TOKEN_FILE_PATH"],
    subscriptionId: ["ARM_SUBSCRIPTION_ID"],
    tenantId: ["ARM_TENANT_ID"],
    useDefaultAzureCredential: ["ARM_USE_DEFAULT_AZURE_CREDENTIAL"],
    useMsi: ["ARM_USE_MSI"],
    useOidc: ["ARM_USE_OIDC"],
};

/** One setting: from the stack's configuration, else from its environment variables. */
export function setting(name: string): string | undefined {
    const variables = VARIABLES[name] ?? [];
    return configured(name) || variables.map((variable) => process.env[variable]).find(Boolean);
}

function isOn(name: string): boolean {
    return /^(true|1)$/i.test(setting(name) ?? "");
}

// Endpoints of the clouds that the SDKs know by name: https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure
const CLOUDS: Record<string, [resourceManager: string, authorityHost: string]> = {
    public: ["https://management.azure.com", "https://login.microsoftonline.com"],
    usgovernment: ["https://management.usgovcloudapi.net", "https://login.microsoftonline.us"],
    china: ["https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"],
};

// What people and other tools call them.
const ALIASES: Record<string, string> = {
    azurecloud: "public",
    azurepublic: "public",
    azurepubliccloud: "public",
    usgov: "usgovernment",
    azureusgovernment: "usgovernment",
    azureusgovernmentcloud: "usgovernment",
    azurechinacloud: "china",
    azurechina: "china",
};

let cloudPromise: Promise<Cloud> | undefined;

/**
 * The endpoints of the cloud in use: those that the metadata host tells, else those of the named environment, else the public cloud's.
 *
 * @throws UserError in one line when the environment is not known or the metadata host does not answer
 */
export function cloud(): Promise<Cloud> {
    cloudPromise ??= findCloud();
    return cloudPromise;
}

async function findCloud(): Promise<Cloud> {
    const host = setting("metadataHost");
    const name = (setting("environment") ?? "public").toLowerCase();
    if (host) {
        return readMetadata(host, name);
    }
    const known = CLOUDS[ALIASES[name] ?? name];
    if (!known) {
        throw new UserError(
            `azure-native:environment (ARM_ENVIRONMENT): there is no cloud "${name}"; use ${Object.keys(CLOUDS).join(", ")}`,
        );
    }
    const [resourceManager, authorityHost] = known;
    return { resourceManager, authorityHost, scope: `${resourceManager}/.default`, custom: false };
}

interface Metadata {
    name?: string;
    resourceManager?: string;
    authentication?: { loginEndpoint?: string; audiences?: string[] };
}

// The answer is one cloud, or a list of them: https://management.azure.com/metadata/endpoints?api-version=2022-09-01
async function readMetadata(host: string, environment: string): Promise<Cloud> {
    const address = `https://${host.replace(/^https:\/\//, "").replace(/\/+$/, "")}/metadata/endpoints?api-version=2022-09-01`;
    let metadata: Metadata | Metadata[];
    try {
        const response = await fetch(address, { signal: AbortSignal.timeout(30_000) });
        if (!response.ok) {
            throw new Error(`it answered ${response.status}`);
        }
        metadata = (await response.json()) as Metadata | Metadata[];
    } catch (error) {
        throw new UserError(
            `Azure's metadata host ${host} cannot be used: ${oneLine(error)}; check ARM_METADATA_HOSTNAME (azure-native:metadataHost) and the network`,
        );
    }
    const clouds = [metadata].flat();
    const wanted = (ALIASES[environment] ?? environment).replace("public", "azurecloud");
    const found = clouds.find((one) => one.name?.toLowerCase() === wanted) ?? clouds[0];
    const { resourceManager, authentication } = found ?? {};
    if (!resourceManager || !authentication?.loginEndpoint) {
        throw new UserError(`Azure's metadata host ${host} tells no endpoints; check ARM_METADATA_HOSTNAME`);
    }
    const trim = (url: string) => url.replace(/\/+$/, "");
    const audience = authentication.audiences?.[0] ?? resourceManager;
    return {
        resourceManager: trim(resourceManager),
        authorityHost: trim(authentication.loginEndpoint),
        scope: `${trim(audience)}/.default`,
        custom: true,
    };
}

let credentialPromise: Promise<TokenCredential> | undefined;

/**
 * The credential that the settings ask for, in azure-native's order: the default chain if asked for, client certificate, client
 * secret, OIDC (a token, a file with one, or GitHub's request variables), managed identity, else the az CLI's login.
 *
 * @throws UserError in one line when a setting that the chosen way needs is missing
 */
export function credential(): Promise<TokenCredential> {
    credentialPromise ??= makeCredential();
    return credentialPromise;
}

async function makeCredential(): Promise<TokenCredential> {
    const { authorityHost, custom } = await cloud();
    const additionallyAllowedTenants = setting("auxiliaryTenantIds")?.match(/[\w.-]+/g) ?? [];
    // The login library asks Microsoft whether a login host is to be trusted; hosts of one's own it cannot know.
    const disableInstanceDiscovery = custom || isOn("disableInstanceDiscovery");
    const options = { authorityHost, disableInstanceDiscovery, additionallyAllowedTenants };
    const [clientId, tenantId, clientSecret] = ["clientId", "tenantId", "clientSecret"].map(setting);
    const certificatePath = setting("clientCertificatePath");
    if (isOn("useDefaultAzureCredential")) {
        return new DefaultAzureCredential({ ...options, tenantId });
    }
    if (clientId && tenantId && certificatePath) {
        const certificatePassword = setting("clientCertificatePassword");
        return new ClientCertificateCredential(tenantId, clientId, { certificatePath, certificatePassword }, options);
    }
    if (clientSecret) {
        return new ClientSecretCredential(needed("tenantId"), needed("clientId"), clientSecret, options);
    }
    if (isOn("useOidc")) {
        return new ClientAssertionCredential(needed("tenantId"), needed("clientId"), oidcToken, options);
    }
    if (isOn("useMsi")) {
        return clientId ? new ManagedIdentityCredential({ clientId }) : new ManagedIdentityCredential();
    }
    return new AzureCliCredential({ tenantId, additionallyAllowedTenants });
}

function needed(name: string): string {
    const value = setting(name);
    if (!value) {
        throw new UserError(`Azure credentials are incomplete: set ${VARIABLES[name][0]} or azure-native:${name}`);
    }
    return value;
}

/** Read anew for each token: these tokens live for minutes, and a file is rewritten before its token ends. */
async function oidcToken(): Promise<string> {
    const given = setting("oidcToken");
    const file = setting("oidcTokenFilePath");
    const [url, bearer] = [setting("oidcRequestUrl"), setting("oidcRequestToken")];
    if (given) {
        return given;
    }
    if (file) {
        return readFileSync(file, "utf8").trim();
    }
    if (!url || !bearer) {
        throw new UserError(
            "ARM_USE_OIDC is set, but no token is: set ARM_OIDC_TOKEN or ARM_OIDC_TOKEN_FILE_PATH, " +
                "or give the GitHub job the permission id-token: write",
        );
    }
    return requestOidcToken(url, bearer);
}

let subscriptionPromise: Promise<string> | undefined;

/**
 * The subscription in use: the setting, else, as azure-native does, the one that the az CLI has selected.
 *
 * @throws UserError in one line when there is none
 */
export function subscriptionId(): Promise<string> {
    subscriptionPromise ??= findSubscription();
    return subscriptionPromise;
}

async function findSubscription(): Promise<string> {
    const given = setting("subscriptionId");
    if (given) {
        return given;
    }
    const fromCli = await promisify(execFile)("az", ["account", "show", "--query", "id", "--output", "tsv"]).then(
        ({ stdout }) => stdout.trim(),
        () => "",
    );
    if (!fromCli) {
        throw new UserError(
            "no Azure subscription: set ARM_SUBSCRIPTION_ID or azure-native:subscriptionId, or run az login",
        );
    }
    return fromCli;
}
