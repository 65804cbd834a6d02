// Which Azure this is: the endpoints of the cloud in use.
import { UserError } from "../core/errors";
import { getJson } from "./http";
import { setting } from "./settings";

/** The endpoints of one Azure cloud. */
export interface Cloud {
    /** Azure Resource Manager, without a slash at the end. */
    resourceManager: string;
    /** Where tokens come from, as in `https://login.microsoftonline.com`. */
    authorityHost: string;
    /** What a token for Azure Resource Manager is asked for. */
    scope: string;
    /** Its name, in lower case: public, usgovernment, china; or what the metadata host calls it. */
    name: string;
    /** False for the public, government and China clouds, which the login library knows. */
    custom: boolean;
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

/**
 * The name by which the settings call a cloud that the az CLI calls AzureCloud, AzureUSGovernment or AzureChinaCloud.
 */
export function cloudName(name: string): string {
    return ALIASES[name.toLowerCase()] ?? name.toLowerCase();
}

let cloudPromise: Promise<Cloud> | undefined;

/**
 * The endpoints of the cloud in use: those that the metadata host tells, else those of the named environment, else the
 * public cloud's.
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
    return {
        name: ALIASES[name] ?? name,
        resourceManager,
        authorityHost,
        scope: `${resourceManager}/.default`,
        custom: false,
    };
}

interface Metadata {
    name?: string;
    resourceManager?: string;
    authentication?: { loginEndpoint?: string; audiences?: string[] };
}

/** Whether the settings name this cloud of the metadata host. The two may call one cloud by different names. */
function isNamed(name: string | undefined, environment: string): boolean {
    return name !== undefined && cloudName(name) === cloudName(environment);
}

// The answer is one cloud, or a list of them: https://management.azure.com/metadata/endpoints?api-version=2022-09-01
async function readMetadata(host: string, environment: string): Promise<Cloud> {
    const address = `https://${host.replace(/^https:\/\//, "").replace(/\/+$/, "")}/metadata/endpoints?api-version=2022-09-01`;
    let metadata: Metadata | Metadata[];
    try {
        metadata = await getJson<Metadata | Metadata[]>(address);
    } catch (error) {
        throw new UserError(
            `Azure's metadata host ${host} cannot be used: ${(error as Error).message}; check ARM_METADATA_HOSTNAME (azure-native:metadataHost) and the network`,
        );
    }
    const clouds = [metadata].flat();
    const found = clouds.length === 1 ? clouds[0] : clouds.find(({ name }) => isNamed(name, environment));
    if (!found && clouds.length > 0) {
        const names = clouds.map(({ name }) => name ?? "?").join(", ");
        throw new UserError(
            `azure-native:environment (ARM_ENVIRONMENT): Azure's metadata host ${host} tells of no cloud "${environment}"; name one of ${names}`,
        );
    }
    const { resourceManager, authentication } = found ?? {};
    if (!resourceManager || !authentication?.loginEndpoint) {
        throw new UserError(`Azure's metadata host ${host} tells no endpoints; check ARM_METADATA_HOSTNAME`);
    }
    const trim = (url: string) => url.replace(/\/+$/, "");
    const audience = authentication.audiences?.[0] ?? resourceManager;
    return {
        name: (found?.name ?? environment).toLowerCase(),
        resourceManager: trim(resourceManager),
        authorityHost: trim(authentication.loginEndpoint),
        scope: `${trim(audience)}/.default`,
        custom: true,
    };
}
