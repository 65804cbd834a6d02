// Requests an identity token from GitHub Actions, which Azure exchanges for one of its own.
import { UserError } from "../core/errors";

/**
 * Requests a token for Azure. It lives for five minutes and more.
 * https://docs.github.com/actions/deployment/security-hardening-your-deployments/configuring-openid-connect-in-azure
 *
 * @param url of the request, from ACTIONS_ID_TOKEN_REQUEST_URL
 * @param bearer from ACTIONS_ID_TOKEN_REQUEST_TOKEN
 * @throws UserError when there is none
 */
export async function requestOidcToken(url: string, bearer: string): Promise<string> {
    const request = new URL(url);
    request.searchParams.set("audience", "api://AzureADTokenExchange");
    const headers = { authorization: `Bearer ${bearer}`, accept: "application/json" };
    const response = await fetch(request, { headers, signal: AbortSignal.timeout(30_000) });
    const { value } = response.ok ? ((await response.json()) as { value?: string }) : {};
    if (!value) {
        throw new UserError(
            `${request.origin} gave no OIDC token (status ${response.status}); check the permission id-token: write`,
        );
    }
    return value;
}
