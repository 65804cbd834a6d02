// The provider's functions: reading a resource that the stack does not own, and telling who the provider is.
import type { Properties } from "../protocol/values";
import type { Connection } from "./arm";
import { ResourceType } from "./resourceType";
import { toOutputs } from "./shape";

/**
 * The result of a function.
 *
 * @throws in one line, with Azure's own words, when Azure refuses or the function is not served
 */
export async function invokeFunction(
    token: string,
    args: Properties,
    connection: Connection,
    signal: AbortSignal,
): Promise<Properties> {
    if (token === "azure-native:authorization:getClientConfig") {
        return clientConfig(connection);
    }
    const type = ResourceType.ofFunction(token);
    if (!type) {
        throw new Error(`function ${token} is not served by the sandbox's azure-native`);
    }
    const { account, arm } = connection;
    const expand: Record<string, string> = typeof args.expand === "string" ? { $expand: args.expand } : {};
    const id = type.id(account.subscriptionId, args);
    const answer = await arm
        .read(id, { ...expand, "api-version": type.spec.apiVersion }, signal)
        .catch((error: unknown) => {
            throw new Error(`request failed ${id}: ${error instanceof Error ? error.message : String(error)}`, {
                cause: error,
            });
        });
    return { ...toOutputs(type.spec, answer), azureApiVersion: type.spec.apiVersion, id: answer.id };
}

// Azure's token says who it was made out to.
async function clientConfig({ account }: Connection): Promise<Properties> {
    const token = await account.credential.getToken(account.cloud.scope);
    const [, payload = ""] = token?.token.split(".") ?? [];
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, string | undefined>;
    return {
        clientId: claims.appid ?? account.clientId,
        objectId: claims.oid ?? "",
        subscriptionId: account.subscriptionId,
        tenantId: claims.tid ?? account.tenantId,
    };
}
