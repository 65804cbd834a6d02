// What clients read before their first ARM call: the cloud's endpoints, the tenant's discovery document, tokens.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Cloud } from "../cloud";
import { OAuthError } from "./tokens";

/** Where tokens are asked for in Azure's public cloud. */
const PUBLIC_LOGIN_HOST = "login.microsoftonline.com";

/**
 * Azure's public names, under which the local Azure answers as well: for programs that know no other endpoints and are
 * led here by a proxy.
 */
export const PUBLIC_HOSTS = ["management.azure.com", PUBLIC_LOGIN_HOST];

/** Adds /metadata/endpoints, OpenID discovery, the token endpoint and the managed identity endpoint. */
export function addSignIn(
    app: FastifyInstance,
    cloud: Cloud,
    managedIdentity: { header: string; clientId: () => string },
): void {
    app.get("/metadata/endpoints", (request, reply) =>
        reply.send(endpoints(cloud, (request.query as Record<string, string>)["api-version"] ?? "")),
    );
    for (const prefix of ["/:tenant", "/:tenant/v2.0"]) {
        app.get(`${prefix}/.well-known/openid-configuration`, (request, reply) =>
            reply.send(cloud.tokens.discovery(askedAt(cloud, request))),
        );
    }
    app.get("/:tenant/discovery/v2.0/keys", (_request, reply) => reply.send(cloud.tokens.keys()));
    app.get("/common/discovery/instance", (request, reply) => reply.send(instance(cloud, askedAt(cloud, request))));
    for (const path of ["/:tenant/oauth2/v2.0/token", "/:tenant/oauth2/token"]) {
        app.post(path, (request, reply) => token(cloud, request, reply));
    }
    app.get("/_sandbox/msi/token", (request, reply) => identityToken(cloud, managedIdentity, request, reply));
    app.get("/_sandbox/oidc/.well-known/openid-configuration", (_request, reply) =>
        reply.send({ ...cloud.tokens.discovery(), issuer: cloud.tokens.federatedIssuer() }),
    );
}

/**
 * The three shapes in which ARM describes a cloud, by api-version (2015-01-01: one flat object; 2019-05-01: a list;
 * 2022-09-01: one object).
 */
export function endpoints(cloud: Cloud, apiVersion: string): unknown {
    const url = cloud.url();
    const authentication = {
        loginEndpoint: url,
        audiences: ["https://management.core.windows.net/", "https://management.azure.com/"],
        tenant: "common",
        identityProvider: "AAD",
    };
    if (apiVersion < "2019-05-01") {
        const { loginEndpoint, audiences } = authentication;
        return {
            galleryEndpoint: url,
            graphEndpoint: url,
            portalEndpoint: url,
            authentication: { loginEndpoint, audiences },
        };
    }
    const described = {
        portal: url,
        authentication,
        media: url,
        graphAudience: url,
        graph: url,
        name: "AzureSandbox",
        suffixes: {
            azureDataLakeStoreFileSystem: "azuredatalakestore.sandbox",
            acrLoginServer: "azurecr.sandbox",
            sqlServerHostname: "database.sandbox",
            azureDataLakeAnalyticsCatalogAndJob: "azuredatalakeanalytics.sandbox",
            keyVaultDns: "vault.sandbox",
            storage: "core.sandbox",
        },
        batch: `${url}/`,
        resourceManager: `${url}/`,
        vmImageAliasDoc: `${url}/aliases.json`,
        sqlManagement: `${url}/`,
        activeDirectoryDataLake: `${url}/`,
        gallery: url,
        microsoftGraphResourceId: url,
    };
    return apiVersion < "2022-09-01" ? [described] : described;
}

async function token(cloud: Cloud, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const form = Object.fromEntries(new URLSearchParams(typeof request.body === "string" ? request.body : ""));
    const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (basic) {
        const [id = "", secret = ""] = Buffer.from(basic, "base64").toString("utf8").split(":").map(decodeURIComponent);
        form.client_id ??= id;
        form.client_secret ??= secret;
    }
    try {
        return await reply.send(await cloud.tokens.exchange(form));
    } catch (error) {
        if (!(error instanceof OAuthError)) {
            throw error;
        }
        const body = {
            error: error.error,
            error_description: error.message,
            error_codes: [error.code],
            timestamp: cloud.now().toISOString(),
        };
        return reply.code(error.status).send(body);
    }
}

// The App Service form of the managed identity endpoint (IDENTITY_ENDPOINT, IDENTITY_HEADER), the one that needs no
// fixed address.
async function identityToken(
    cloud: Cloud,
    managedIdentity: { header: string; clientId: () => string },
    request: FastifyRequest,
    reply: FastifyReply,
): Promise<FastifyReply> {
    const query = request.query as Record<string, string | undefined>;
    const principal = cloud.principals.get(query.client_id ?? managedIdentity.clientId());
    if (request.headers["x-identity-header"] !== managedIdentity.header || !principal || !query.resource) {
        return reply.code(400).send({
            statusCode: 400,
            message: "The identity header is wrong, the identity is unknown, or no resource was given.",
        });
    }
    const expires = Math.floor(Date.now() / 1000) + 3600;
    const access = await cloud.tokens.issue(principal, query.resource);
    return reply.send({
        access_token: access,
        expires_on: String(expires),
        resource: query.resource,
        token_type: "Bearer",
        client_id: principal.clientId,
    });
}

/** The authority that was asked: MSAL takes no other for the issuer of what it is told. */
function askedAt(cloud: Cloud, request: FastifyRequest): string {
    return request.headers.host === PUBLIC_LOGIN_HOST ? `https://${PUBLIC_LOGIN_HOST}` : cloud.url();
}

function instance(cloud: Cloud, authority: string): unknown {
    const { host } = new URL(authority);
    return {
        tenant_discovery_endpoint: `${authority}/${cloud.tenantId}/v2.0/.well-known/openid-configuration`,
        "api-version": "1.1",
        metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    };
}
