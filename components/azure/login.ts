// Who this program is to Azure: the credential that azure-native's settings ask for, and the subscription.
import { readFileSync } from "node:fs";
import {
    AzureCliCredential,
    ClientAssertionCredential,
    ClientCertificateCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
    type TokenCredential,
} from "@azure/identity";
import { UserError } from "../core/errors";
import { refuseOtherCloud, selectedSubscription } from "./azureCli";
import { cloud } from "./cloud";
import { requestOidcToken } from "./oidc";
import { VARIABLES, isOn, setting } from "./settings";

/** A way to sign in. */
interface Way {
    /** Completes "signing in to Azure …". */
    how: string;
    credential: TokenCredential;
    /** What to do when it fails. */
    advice: string;
    /** Looks for a reason that Azure does not tell, and throws it. */
    diagnose?: () => Promise<void>;
}

let credentialPromise: Promise<TokenCredential> | undefined;

/**
 * The credential that the settings ask for, in azure-native's order: the default chain if asked for, client
 * certificate, client secret, OIDC (a token, a file with one, or GitHub's request variables), managed identity,
 * otherwise the az CLI's login. It fails with a UserError that says how it signed in, at which host, and what to check.
 *
 * @throws UserError in one line when a setting that the chosen way needs is missing
 */
export function credential(): Promise<TokenCredential> {
    credentialPromise ??= makeCredential();
    return credentialPromise;
}

async function makeCredential(): Promise<TokenCredential> {
    const { authorityHost } = await cloud();
    const { how, credential, advice, diagnose } = await chooseWay();
    return {
        getToken: async (scopes, options) => {
            try {
                return await credential.getToken(scopes, options);
            } catch (error) {
                if (error instanceof UserError || (error as Error).name === "AbortError") {
                    throw error;
                }
                await diagnose?.();
                throw new UserError(
                    `signing in to Azure ${how} at ${authorityHost} failed: ${reasonOf(error)}; ${advice}`,
                );
            }
        },
    };
}

/** Of several reasons on several lines the first says most. */
function reasonOf(error: unknown): string {
    const { message, cause } = error as Error;
    return message || (cause as Error | undefined)?.message || "no reason given";
}

async function chooseWay(): Promise<Way> {
    const { authorityHost, custom } = await cloud();
    const additionallyAllowedTenants = setting("auxiliaryTenantIds")?.match(/[\w.-]+/g) ?? [];
    // The login library verifies login hosts with Microsoft, which does not know custom clouds.
    const disableInstanceDiscovery = custom || isOn("disableInstanceDiscovery");
    const options = { authorityHost, disableInstanceDiscovery, additionallyAllowedTenants };
    const [clientId, tenantId, clientSecret, subscription] = [
        "clientId",
        "tenantId",
        "clientSecret",
        "subscriptionId",
    ].map(setting);
    const certificatePath = setting("clientCertificatePath");
    const who = `as client ${clientId} of tenant ${tenantId}`;
    if (isOn("useDefaultAzureCredential")) {
        const credential = new DefaultAzureCredential({ ...options, tenantId });
        return { how: "by the default chain", credential, advice: "check what the chain finds on this machine" };
    }
    if (certificatePath) {
        const [tenant, client] = [needed("tenantId"), needed("clientId")];
        const password = setting("clientCertificatePassword");
        const { readCertificate } = await import("./certificate.js");
        const { pem, decrypted } = readCertificate(certificatePath, password);
        const certificate = { certificate: pem, ...(!decrypted && { certificatePassword: password }) };
        const credential = new ClientCertificateCredential(tenant, client, certificate, options);
        return { how: `${who} with a certificate`, credential, advice: `check the certificate in ${certificatePath}` };
    }
    if (clientSecret) {
        const credential = new ClientSecretCredential(needed("tenantId"), needed("clientId"), clientSecret, options);
        return { how: `${who} with a secret`, credential, advice: "check the client, the tenant and the secret" };
    }
    if (isOn("useOidc")) {
        const credential = new ClientAssertionCredential(needed("tenantId"), needed("clientId"), oidcToken, options);
        return { how: `${who} by OIDC`, credential, advice: "check the federated credential of the client" };
    }
    if (isOn("useMsi")) {
        const credential = clientId ? new ManagedIdentityCredential({ clientId }) : new ManagedIdentityCredential();
        return { how: "by managed identity", credential, advice: "check that this machine has the identity" };
    }
    // az takes one of the two; the subscription tells the tenant where several are signed in to.
    const of = tenantId ? { tenantId } : subscription ? { subscription } : {};
    return {
        how: "by the az CLI",
        credential: new AzureCliCredential({ ...of, additionallyAllowedTenants }),
        advice: adviceForCli(),
        diagnose: refuseOtherCloud,
    };
}

/** Names only what is not set. */
function adviceForCli(): string {
    const missing = ["clientId", "clientSecret", "tenantId"].filter((name) => !setting(name));
    const variables = missing.map((name) => VARIABLES[name][0]).join(", ");
    return `run az login${variables && `, or set ${variables} (or ARM_USE_OIDC=true, ARM_USE_MSI=true)`}`;
}

function needed(name: string): string {
    const value = setting(name);
    if (!value) {
        throw new UserError(`Azure credentials are incomplete: set ${VARIABLES[name][0]} or azure-native:${name}`);
    }
    return value;
}

/** Read anew for each token: these tokens live for minutes, and a file is rewritten before its token ends. */
export async function oidcToken(): Promise<string> {
    const given = setting("oidcToken");
    const file = setting("oidcTokenFilePath");
    const [url, bearer] = [setting("oidcRequestUrl"), setting("oidcRequestToken")];
    if (given) {
        return given;
    }
    if (file) {
        return readTokenFile(file);
    }
    if (!url || !bearer) {
        throw new UserError(
            "ARM_USE_OIDC is set, but no token is: set ARM_OIDC_TOKEN or ARM_OIDC_TOKEN_FILE_PATH, " +
                "or give the GitHub job the permission id-token: write",
        );
    }
    return requestOidcToken(url, bearer, setting("oidcAudience"));
}

function readTokenFile(file: string): string {
    try {
        return readFileSync(file, "utf8").trim();
    } catch (error) {
        throw new UserError(`ARM_OIDC_TOKEN_FILE_PATH "${file}" cannot be read: ${(error as Error).message}`);
    }
}

let subscriptionPromise: Promise<string> | undefined;

/**
 * The subscription in use: the setting, otherwise, as azure-native does, the one that the az CLI has selected.
 *
 * @throws UserError in one line when there is none
 */
export function subscriptionId(): Promise<string> {
    subscriptionPromise ??= Promise.resolve(setting("subscriptionId") ?? selectedSubscription());
    return subscriptionPromise;
}
