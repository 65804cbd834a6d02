// Signing in to Azure as azure-native does, and what is said when it fails.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import forge from "node-forge";
import { afterAll, afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { readCertificate } from "../../../components/azure/certificate";
import { VARIABLES, configureAzure } from "../../../components/azure/settings";

const folder = mkdtempSync(join(tmpdir(), "kamino-test-"));
const servers: Server[] = [];
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
    vi.resetModules();
    configureAzure(() => undefined);
    const unset = [...Object.values(VARIABLES).flat(), "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"];
    unset.forEach((name) => vi.stubEnv(name, ""));
});
afterEach(() => {
    vi.unstubAllEnvs();
    servers.splice(0).forEach((server) => server.close());
});

const SUBSCRIPTION = "00000000-0000-4000-8000-000000000001";

/** The modules anew: what they have found out they keep. */
async function login() {
    const settings = await import("../../../components/azure/settings.js");
    settings.configureAzure(() => undefined);
    return await import("../../../components/azure/login.js");
}

async function getToken() {
    return (await (await login()).credential()).getToken("https://management.azure.com/.default");
}

/** An az that is signed in to one cloud, or fails; what it was asked is in a file. */
function azIs(account: { environmentName?: string } | "signed out") {
    const log = join(folder, "az.log");
    writeFileSync(log, "");
    const answer = {
        ...{ accessToken: "from-az", expiresOn: "2099-01-01 00:00:00.000000", expires_on: 4_070_908_800 },
        ...{ id: SUBSCRIPTION, ...(account !== "signed out" && account) },
    };
    const body =
        account === "signed out"
            ? "echo 'Please run az login to setup account.' >&2; exit 1"
            : `echo '${JSON.stringify(answer)}'`;
    writeFileSync(join(folder, "az"), `#!/bin/sh\necho "$@" >> ${log}\n${body}\n`);
    chmodSync(join(folder, "az"), 0o755);
    vi.stubEnv("PATH", `${folder}${delimiter}${process.env.PATH}`);
    return () => readFileSync(log, "utf8").replaceAll('"', "");
}

async function serve(server: Server): Promise<string> {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a switch", () => {
    test.each([
        ["true", true],
        ["1", false],
        ["TRUE", false],
        ["yes", false],
        ["", false],
    ])("set to %j is %s, as the provider reads it", async (value, expected) => {
        const { isOn } = await import("../../../components/azure/settings.js");
        vi.stubEnv("ARM_USE_MSI", value);
        expect(isOn("useMsi")).toBe(expected);
    });
});

describe("the az CLI", () => {
    it("is asked for the subscription in use, whose tenant it knows", async () => {
        const asked = azIs({ environmentName: "AzureCloud" });
        vi.stubEnv("ARM_SUBSCRIPTION_ID", SUBSCRIPTION);
        expect((await getToken())?.token).toBe("from-az");
        expect(asked()).toContain(`--subscription ${SUBSCRIPTION}`);
    });

    it("is asked for the tenant where one is configured", async () => {
        const asked = azIs({ environmentName: "AzureCloud" });
        vi.stubEnv("ARM_SUBSCRIPTION_ID", SUBSCRIPTION);
        vi.stubEnv("ARM_TENANT_ID", "contoso.example");
        await getToken();
        expect(asked()).toMatch(/--tenant contoso\.example/);
        expect(asked()).not.toContain("--subscription");
    });

    it("names the subscription", async () => {
        azIs({ environmentName: "AzureCloud" });
        expect(await (await login()).subscriptionId()).toBe(SUBSCRIPTION);
    });

    it("in another cloud is refused by both names", async () => {
        azIs({ environmentName: "AzureUSGovernment" });
        await expect((await login()).subscriptionId()).rejects.toThrow(
            /^az is signed in to the cloud AzureUSGovernment, and this stack uses public: set ARM_ENVIRONMENT/,
        );
    });

    it("that is signed out: the line names the host, and only what is not set", async () => {
        azIs("signed out");
        vi.stubEnv("ARM_CLIENT_ID", "client");
        vi.stubEnv("ARM_TENANT_ID", "contoso.example");
        const said = await getToken().catch((error: Error) => error.message);
        expect(said).toMatch(
            /^signing in to Azure by the az CLI at https:\/\/login\.microsoftonline\.com failed: .*az login/,
        );
        expect(said).toMatch(/; run az login, or set ARM_CLIENT_SECRET \(or ARM_USE_OIDC=true, ARM_USE_MSI=true\)$/);
    });
});

describe("a client certificate", () => {
    const keys = forge.pki.rsa.generateKeyPair(1024);
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = keys.publicKey;
    certificate.validity.notAfter = new Date("2099-01-01");
    certificate.sign(keys.privateKey, forge.md.sha256.create());

    test.each(["aes256", "3des"] as const)("in a PFX file (%s) is read as PEM", (algorithm) => {
        const file = join(folder, `${algorithm}.pfx`);
        const pfx = forge.pkcs12.toPkcs12Asn1(keys.privateKey, [certificate], "hunter2", { algorithm });
        writeFileSync(file, Buffer.from(forge.asn1.toDer(pfx).getBytes(), "binary"));
        const { pem } = readCertificate(file, "hunter2");
        expect(pem).toContain(forge.pki.certificateToPem(certificate));
        expect(pem).toContain("BEGIN RSA PRIVATE KEY");
        expect(() => readCertificate(file, "wrong")).toThrow(
            /is neither PEM nor a PFX file that ARM_CLIENT_CERTIFICATE_PASSWORD opens/,
        );
    });

    it("in a PEM file stays as it is", () => {
        const file = join(folder, "client.pem");
        const pem = forge.pki.privateKeyToPem(keys.privateKey) + forge.pki.certificateToPem(certificate);
        writeFileSync(file, pem);
        expect(readCertificate(file, undefined)).toEqual({ pem, decrypted: false });
    });

    it("alone chooses this way to sign in, and the line says what is missing", async () => {
        vi.stubEnv("ARM_CLIENT_CERTIFICATE_PATH", "/nowhere.pem");
        vi.stubEnv("ARM_TENANT_ID", "contoso.example");
        await expect((await login()).credential()).rejects.toThrow(
            "Azure credentials are incomplete: set ARM_CLIENT_ID",
        );
    });
});

describe("an OIDC token", () => {
    it("is asked for the audience of ARM_OIDC_AUDIENCE", async () => {
        const asked: (string | null)[] = [];
        const url = await serve(
            createServer((request, response) => {
                asked.push(new URL(request.url ?? "", "http://x").searchParams.get("audience"));
                response.end(JSON.stringify({ value: `for ${request.headers.authorization}` }));
            }),
        );
        vi.stubEnv("ARM_OIDC_REQUEST_URL", `${url}/token?x=y`);
        vi.stubEnv("ARM_OIDC_REQUEST_TOKEN", "bearer");
        const { oidcToken } = await login();
        expect(await oidcToken()).toBe("for Bearer bearer");
        vi.stubEnv("ARM_OIDC_AUDIENCE", "api://own");
        await oidcToken();
        expect(asked).toEqual(["api://AzureADTokenExchange", "api://own"]);
    });

    it("that is refused names the host that was asked", async () => {
        const url = await serve(createServer((_request, response) => response.writeHead(403).end()));
        vi.stubEnv("ARM_OIDC_REQUEST_URL", url);
        vi.stubEnv("ARM_OIDC_REQUEST_TOKEN", "bearer");
        await expect((await login()).oidcToken()).rejects.toThrow(`${url} gave no OIDC token: it answered 403`);
    });
});

test("the metadata host is asked through HTTPS_PROXY", async () => {
    const asked: string[] = [];
    const proxy = await serve(
        createServer().on("connect", ({ url = "" }, socket) => {
            asked.push(url);
            socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
        }),
    );
    vi.stubEnv("HTTPS_PROXY", proxy);
    vi.stubEnv("ARM_METADATA_HOSTNAME", "metadata.example.invalid");
    await expect((await login()).credential()).rejects.toThrow(
        /^Azure's metadata host metadata\.example\.invalid cannot be used: .*; check ARM_METADATA_HOSTNAME/,
    );
    expect(new Set(asked)).toEqual(new Set(["metadata.example.invalid:443"]));
});
