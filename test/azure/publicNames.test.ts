// Azure's public names: a client that knows no other is led to the local Azure, and finds all as it knows it.
import { request } from "node:https";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AzureSandbox } from "../../sandbox/azure/index";
import { startForTest, type Body } from "./support";

const LOGIN = "login.microsoftonline.com";
let azure: AzureSandbox;
let close: () => Promise<void>;

beforeAll(async () => ({ azure, close } = await startForTest()));
afterAll(() => close());

/** What the local Azure answers to a client that takes it for this host, and checks its certificate. */
function ask(host: string, path: string, token?: string): Promise<Body> {
    const { port } = new URL(azure.url);
    return new Promise((resolve, reject) => {
        const headers = { host, ...(token && { authorization: `Bearer ${token}` }) };
        const options = { host: "127.0.0.1", port, path, headers, servername: host, ca: azure.ca };
        const call = request(options, (answer) => {
            let text = "";
            answer.setEncoding("utf8").on("data", (part: string) => (text += part));
            answer.on("end", () => resolve(JSON.parse(text) as Body));
        });
        call.on("error", reject).end();
    });
}

test("the discovery document is of the authority that was asked", async () => {
    const path = `/${azure.tenantId}/v2.0/.well-known/openid-configuration`;
    expect(await ask(LOGIN, path)).toMatchObject({
        issuer: `https://${LOGIN}/${azure.tenantId}/v2.0`,
        token_endpoint: `https://${LOGIN}/${azure.tenantId}/oauth2/v2.0/token`,
    });
    expect(await ask("localhost", path)).toMatchObject({ issuer: `${azure.url}/${azure.tenantId}/v2.0` });
});

test("so is the instance", async () => {
    expect(await ask(LOGIN, "/common/discovery/instance")).toMatchObject({
        tenant_discovery_endpoint: `https://${LOGIN}/${azure.tenantId}/v2.0/.well-known/openid-configuration`,
        metadata: [{ preferred_network: LOGIN, aliases: [LOGIN] }],
    });
});

test("a name that is not Azure's does not choose the authority", async () => {
    const path = `/${azure.tenantId}/v2.0/.well-known/openid-configuration`;
    await expect(ask("login.example.com", path)).rejects.toThrow(/does not match certificate's altnames/);
});

test("the Resource Manager answers under its public name", async () => {
    const token = await azure.tokens.issue(azure.principal, "https://management.azure.com");
    const { value } = await ask("management.azure.com", "/subscriptions?api-version=2022-12-01", token);
    expect(value).toMatchObject([{ subscriptionId: azure.subscriptionId }]);
});
