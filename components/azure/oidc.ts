// Requests an identity token from GitHub Actions, which Azure exchanges for its own token.
import { UserError } from "../core/errors";
import { getJson } from "./http";

/**
 * Requests a token for Azure. It lives for five minutes and more.
 * https://docs.github.com/actions/deployment/security-hardening-your-deployments/configuring-openid-connect-in-azure
 *
 * @param url of the request, from ACTIONS_ID_TOKEN_REQUEST_URL
 * @param bearer from ACTIONS_ID_TOKEN_REQUEST_TOKEN
 * @param audience that of Azure's public cloud if left out
 * @throws UserError in one line when there is none
 */
export async function requestOidcToken(
    url: string,
    bearer: string,
    audience = "api://AzureADTokenExchange",
): Promise<string> {
    const request = new URL(url);
    request.searchParams.set("audience", audience);
    try {
        const { value } = await getJson<{ value?: string }>(request.href, { authorization: `Bearer ${bearer}` });
        if (value) {
            return value;
        }
        throw new Error("it answered without a token");
    } catch (error) {
        throw new UserError(
            `${request.origin} gave no OIDC token: ${(error as Error).message}; check the permission id-token: write`,
        );
    }
}
