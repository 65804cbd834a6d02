// Which Azure: the endpoints that a metadata host tells.

/** A setting by its name in `azure-native:` config, else by its environment variable. */
export type Setting = (name: string, ...variables: string[]) => string | undefined;

/** Endpoints of a cloud. */
export interface Cloud {
    resourceManager: string;
    authorityHost: string;
    /** Scope of tokens for Resource Manager. */
    scope: string;
}

/** What a metadata host answers (api-version 2022-09-01), as far as it is needed. */
interface Endpoints {
    resourceManager: string;
    authentication: { loginEndpoint: string; audiences: string[] };
}

/**
 * The cloud of `metadataHost` or ARM_METADATA_HOSTNAME. The stand-in knows no other: it is nothing for a real Azure.
 *
 * @throws in one line when there is none, or it does not answer
 */
export async function resolveCloud(setting: Setting): Promise<Cloud> {
    const host = setting("metadataHost", "ARM_METADATA_HOSTNAME");
    if (!host) {
        throw new Error(
            "ARM_METADATA_HOSTNAME must be set: this is the sandbox's azure-native, which is nothing for Azure itself.",
        );
    }
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
