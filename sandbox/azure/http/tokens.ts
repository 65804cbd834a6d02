// The tenant's token service: OpenID discovery, the OAuth2 v2.0 token endpoint, and the check of the tokens it gave.
import { createHash, timingSafeEqual } from "node:crypto";
import {
    SignJWT,
    createLocalJWKSet,
    decodeJwt,
    errors,
    exportJWK,
    generateKeyPair,
    jwtVerify,
    type JSONWebKeySet,
    type CryptoKey,
    type JWK,
} from "jose";
import type { Principal, Principals } from "../rbac";
import { ArmError } from "./errors";

const LIFETIME_SECONDS = 3600;
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** An OAuth2 error answer: `{"error", "error_description", …}` instead of ARM's envelope. */
export class OAuthError extends Error {
    constructor(
        readonly status: number,
        readonly error: string,
        readonly code: number,
        description: string,
    ) {
        super(`AADSTS${code}: ${description}`);
    }
}

/** Issues and checks tokens. */
export class TokenService {
    private readonly trusted = new Map<string, JSONWebKeySet>();

    private constructor(
        private readonly context: { url: () => string; tenantId: string; principals: Principals; now: () => Date },
        private readonly key: CryptoKey,
        private readonly publicKey: JWK,
    ) {}

    static async create(context: {
        url: () => string;
        tenantId: string;
        principals: Principals;
        now: () => Date;
    }): Promise<TokenService> {
        const { privateKey, publicKey } = await generateKeyPair("RS256");
        const jwk = { ...(await exportJWK(publicKey)), kid: "sandbox", use: "sig", alg: "RS256" };
        return new TokenService(context, privateKey, jwk);
    }

    /** What clients read before they ask for a token, of the authority that they asked. */
    discovery(authority = this.context.url()): Record<string, unknown> {
        const base = `${authority}/${this.context.tenantId}`;
        return {
            token_endpoint: `${base}/oauth2/v2.0/token`,
            token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            jwks_uri: `${base}/discovery/v2.0/keys`,
            response_modes_supported: ["query", "fragment", "form_post"],
            subject_types_supported: ["pairwise"],
            id_token_signing_alg_values_supported: ["RS256"],
            response_types_supported: ["code", "id_token", "code id_token", "id_token token"],
            scopes_supported: ["openid", "profile", "email", "offline_access"],
            issuer: `${base}/v2.0`,
            authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
            device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
            end_session_endpoint: `${base}/oauth2/v2.0/logout`,
            tenant_region_scope: null,
        };
    }

    keys(): JSONWebKeySet {
        return { keys: [this.publicKey] };
    }

    /** Takes assertions of this issuer (a cluster's service account issuer, for example), checked with these keys. */
    trust(issuer: string, keys: JSONWebKeySet): void {
        this.trusted.set(issuer, keys);
    }

    /** The token endpoint: client_credentials with a secret or with a federated assertion. */
    async exchange(form: Record<string, string>): Promise<Record<string, unknown>> {
        if (form.grant_type !== "client_credentials") {
            throw new OAuthError(
                400,
                "unsupported_grant_type",
                70003,
                `The app requested an unsupported grant type '${form.grant_type}'.`,
            );
        }
        const principal = this.context.principals.get(form.client_id);
        if (!principal) {
            const text = `Application with identifier '${form.client_id}' was not found in the directory.`;
            throw new OAuthError(400, "unauthorized_client", 700016, text);
        }
        if (form.client_assertion_type === ASSERTION_TYPE) {
            await this.checkAssertion(principal, form.client_assertion);
        } else if (!same(form.client_secret, principal.secret)) {
            const text = `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, for a secret added to app '${principal.clientId}'.`;
            throw new OAuthError(401, "invalid_client", 7000215, text);
        }
        const audience = (form.scope ?? form.resource ?? "").split(" ")[0].replace(/\/\.default$/, "");
        return {
            token_type: "Bearer",
            expires_in: LIFETIME_SECONDS,
            ext_expires_in: LIFETIME_SECONDS,
            access_token: await this.issue(principal, audience),
        };
    }

    /** An access token for the audience, as the managed identity endpoint and the token endpoint hand it out. */
    async issue(principal: Principal, audience: string, lifetimeSeconds = LIFETIME_SECONDS): Promise<string> {
        const now = Math.floor(Date.now() / 1000);
        return new SignJWT({
            appid: principal.clientId,
            oid: principal.objectId,
            tid: this.context.tenantId,
            idtyp: "app",
            ver: "1.0",
        })
            .setProtectedHeader({ alg: "RS256", typ: "JWT", kid: "sandbox" })
            .setIssuer(`https://sts.windows.net/${this.context.tenantId}/`)
            .setAudience(audience)
            .setSubject(principal.objectId)
            .setIssuedAt(now)
            .setNotBefore(now - 300)
            .setExpirationTime(now + lifetimeSeconds)
            .sign(this.key);
    }

    /**
     * A federated identity token of the sandbox's own issuer, as a projected service account token or GitHub's would
     * be.
     */
    async federatedToken(subject: string, audience = "api://AzureADTokenExchange"): Promise<string> {
        return new SignJWT({})
            .setProtectedHeader({ alg: "RS256", typ: "JWT", kid: "sandbox" })
            .setIssuer(this.federatedIssuer())
            .setAudience(audience)
            .setSubject(subject)
            .setIssuedAt()
            .setExpirationTime("10m")
            .sign(this.key);
    }

    /** Issuer of `federatedToken`. */
    federatedIssuer(): string {
        return `${this.context.url()}/_sandbox/oidc`;
    }

    /** The principal of an Authorization header; throws ARM's 401s. */
    async authenticate(header: string | undefined): Promise<Principal> {
        const token = /^Bearer (.+)$/i.exec(header ?? "")?.[1];
        if (!token) {
            throw this.unauthorized(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            );
        }
        try {
            const { payload } = await jwtVerify(token, createLocalJWKSet(this.keys()), {
                issuer: `https://sts.windows.net/${this.context.tenantId}/`,
            });
            const audience = String(payload.aud).replace(/\/+$/, "");
            const audiences = [
                "https://management.core.windows.net",
                "https://management.azure.com",
                this.context.url(),
            ];
            if (!audiences.includes(audience)) {
                const text = `The access token has been obtained for wrong audience or resource '${String(payload.aud)}'. It should exactly match with one of the allowed audiences '${audiences.join("','")}'.`;
                throw this.unauthorized("InvalidAuthenticationTokenAudience", text);
            }
            const principal = this.context.principals.get(payload.appid as string);
            if (!principal) {
                throw this.unauthorized("InvalidAuthenticationToken", "The access token is of an unknown client.");
            }
            return principal;
        } catch (error) {
            if (error instanceof ArmError) {
                throw error;
            }
            if (error instanceof errors.JWTExpired) {
                throw this.unauthorized("ExpiredAuthenticationToken", "The access token expiry UTC time has passed.");
            }
            throw this.unauthorized("InvalidAuthenticationToken", "The access token is invalid.");
        }
    }

    private async checkAssertion(principal: Principal, assertion: string | undefined): Promise<void> {
        const refuse = (text: string) => new OAuthError(401, "invalid_client", 700213, text);
        try {
            const { iss = "", sub = "" } = decodeJwt(assertion ?? "");
            const keys = iss === this.federatedIssuer() ? this.keys() : this.trusted.get(iss);
            if (!keys || !principal.federated.some((one) => one.issuer === iss && one.subject === sub)) {
                throw refuse(
                    `No matching federated identity record found for presented assertion subject '${sub}' and issuer '${iss}'.`,
                );
            }
            await jwtVerify(assertion ?? "", createLocalJWKSet(keys), {
                issuer: iss,
                audience: "api://AzureADTokenExchange",
            });
        } catch (error) {
            if (error instanceof OAuthError) {
                throw error;
            }
            throw new OAuthError(
                401,
                "invalid_client",
                50027,
                `JWT token is invalid or malformed (${(error as Error).message}).`,
            );
        }
    }

    private unauthorized(code: string, message: string): ArmError {
        const challenge = `Bearer authorization_uri="${this.context.url()}/${this.context.tenantId}", error="invalid_token", error_description="${message}"`;
        return new ArmError(401, code, message, { gateway: true, headers: { "www-authenticate": challenge } });
    }
}

function same(given: string | undefined, wanted: string | undefined): boolean {
    if (!given || !wanted) {
        return false;
    }
    const digest = (text: string) => createHash("sha256").update(text).digest();
    return timingSafeEqual(digest(given), digest(wanted));
}
