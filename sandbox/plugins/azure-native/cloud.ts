// Which Azure: endpoints of the named clouds, or those that a metadata host tells.
import { AzureAuthorityHosts } from "@azure/identity";
import type { Setting } from "./account";

/** Endpoints of a cloud. */
export interface Cloud {
    resourceManager: string;
    authorityHost: string;
    /** Scope of tokens for Resource Manager. */
    scope: string;
}

function cloud(resourceManager: string, authorityHost: string): Cloud {
    return { resourceManager, authorityHost, scope: `${resourceManager}/.default` };
}

const PUBLIC = cloud("https://management.azure.com", AzureAuthorityHosts.AzurePublicCloud);
const US_GOVERNMENT = cloud("https://management.usgovcloudapi.net", AzureAuthorityHosts.AzureGovernment);
const CHINA = cloud("https://management.chinacloudapi.cn", AzureAuthorityHosts.AzureChina);

/** By the names that the official plugin and its predecessors know. */
const CLOUDS: Record<string, Cloud> = {
    public: PUBLIC,
    azurecloud: PUBLIC,
    usgovernment: US_GOVERNMENT,
    usgov: US_GOVERNMENT,
    azureusgovernment: US_GOVERNMENT,
    china: CHINA,
    azurechinacloud: CHINA,
};

/** What a metadata host answers (api-version 2022-09-01), as far as it is needed. */
interface Endpoints {
    resourceManager: string;
    authentication: { loginEndpoint: string; audiences: string[] };
}

/**
 * The cloud of `metadataHost` or ARM_METADATA_HOSTNAME, else the one that `environment` or ARM_ENVIRONMENT names, else the
 * public one.
 *
 * @throws in one line when the metadata host does not answer, or the environment is not known
 */
export async function resolveCloud(setting: Setting): Promise<Cloud> {
    const host = setting("metadataHost", "ARM_METADATA_HOSTNAME");
    if (host) {
        return cloudOfMetadata(host);
    }
    const name = setting("environment", "ARM_ENVIRONMENT") ?? "public";
    const found = CLOUDS[name.toLowerCase()];
    if (!found) {
        throw new Error(`the environment "${name}" is not known: it is one of public, usgovernment, china`);
    }
    return found;
}

async function cloudOfMetadata(host: string): Promise<Cloud> {
    const url = `https://${host}/metadata/endpoints?api-version=2022-09-01`;
    let response: Response;
    try {
        response = await fetch(url);
    } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
        throw new Error(`the metadata host ${host} (ARM_METADATA_HOSTNAME) cannot be reached: ${cause}`, {
            cause: error,
        });
    }
    if (!response.ok) {
        throw new Error(`the metadata host ${host} (ARM_METADATA_HOSTNAME) answers ${response.status}`);
    }
    const { resourceManager, authentication } = (await response.json()) as Endpoints;
    const [audience] = authentication.audiences;
    return {
        resourceManager: resourceManager.replace(/\/$/, ""),
        authorityHost: authentication.loginEndpoint.replace(/\/$/, ""),
        scope: `${(audience ?? resourceManager).replace(/\/$/, "")}/.default`,
    };
}
