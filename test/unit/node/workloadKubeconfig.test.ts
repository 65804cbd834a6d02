// The kubeconfig of a workload cluster, out of its Secret: what of it is taken, what is refused, and that no message
// has anything of it. The management cluster is a small HTTP server here.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from "vitest";
import { oneLine } from "../../../components/core/errors";
import { kubernetes } from "../../../components/node/kubernetes";
import { embeddedKubeConfig } from "../../../components/node/workloadKubeconfig";

const SECRET = "kept-to-itself";
const WHAT = "kamino:capi.workloadCluster: Secret default/c1-kubeconfig";
const pem = (text: string) => Buffer.from(`-----BEGIN ${text}-----\n${SECRET}\n`).toString("base64");
const signedIn = { "client-certificate-data": pem("CERTIFICATE"), "client-key-data": pem("RSA PRIVATE KEY") };

/** As Cluster API writes it, with another user or cluster. */
function kubeconfig(user: object = signedIn, cluster: object = {}, current = "c1-admin@c1"): string {
    const server = "https://192.0.2.7:6443";
    return JSON.stringify({
        ...{ apiVersion: "v1", kind: "Config", preferences: {}, "current-context": current },
        clusters: [
            { name: "other", cluster: { server: "https://192.0.2.1" } },
            { name: "c1", cluster: { server, "certificate-authority-data": pem("CERTIFICATE"), ...cluster } },
        ],
        contexts: [{ name: "c1-admin@c1", context: { cluster: "c1", user: "c1-admin" } }],
        users: [{ name: "c1-admin", user }],
    });
}

describe("a kubeconfig in a Secret", () => {
    it("is taken as its current context has it, with its credentials", () => {
        const config = embeddedKubeConfig(kubeconfig(), WHAT);
        expect(config.getCurrentCluster()).toMatchObject({
            server: "https://192.0.2.7:6443",
            caData: pem("CERTIFICATE"),
        });
        expect(config.getCurrentUser()).toMatchObject({
            certData: signedIn["client-certificate-data"],
            keyData: signedIn["client-key-data"],
        });
        expect(config.clusters).toHaveLength(1);
    });

    test.each([
        ["a token", { token: SECRET }],
        ["a password", { username: "admin", password: SECRET }],
    ])("may sign in by %s", (_what, user) => {
        expect(embeddedKubeConfig(kubeconfig(user), WHAT).getCurrentUser()).toMatchObject(user);
    });

    test.each<[string, object, object?]>([
        ["exec", { ...signedIn, exec: { command: SECRET } }],
        ["auth-provider", { "auth-provider": { name: SECRET } }],
        ["tokenFile", { tokenFile: `/${SECRET}` }],
        ["client-key", { ...signedIn, "client-key": `/${SECRET}` }],
        ["as", { ...signedIn, as: SECRET }],
        ["certificate-authority", signedIn, { "certificate-authority": `/${SECRET}` }],
    ])("that has %s is refused, so that it runs and reads nothing here", (key, user, cluster) => {
        const attempt = () => embeddedKubeConfig(kubeconfig(user, cluster), WHAT);
        expect(attempt).toThrow(`${WHAT} holds a kubeconfig with "${key}": only certificates, keys`);
        expect(attempt).not.toThrow(SECRET);
    });

    test.each<[string, string]>([
        ["is not YAML", `{ ${SECRET}: [`],
        ["is text", SECRET],
        ["is empty", ""],
        ["is a list", `[${SECRET}]`],
        ["has lists that are none", JSON.stringify({ "current-context": SECRET, contexts: SECRET, clusters: 1 })],
        ["has no such context", kubeconfig(signedIn, {}, SECRET)],
        ["has no credentials", kubeconfig({})],
        ["has half of a pair", kubeconfig({ "client-certificate-data": pem("CERTIFICATE") })],
        ["has a certificate that is none", kubeconfig({ ...signedIn, "client-certificate-data": SECRET })],
        ["has an authority that is none", kubeconfig(signedIn, { "certificate-authority-data": SECRET })],
        ["has a token that no header can hold", kubeconfig({ token: `${SECRET}\n` })],
        ["has a token that is not text", kubeconfig({ token: { [SECRET]: 1 } })],
        ["has an address without TLS", kubeconfig(signedIn, { server: `http://${SECRET}` })],
        ["has an address with a password", kubeconfig(signedIn, { server: `https://ann:${SECRET}@192.0.2.7` })],
        ["has no address", kubeconfig(signedIn, { server: SECRET })],
    ])("that %s is refused in one line without any of it", (_what, text) => {
        const attempt = () => embeddedKubeConfig(text, WHAT);
        expect(attempt).toThrow(
            /^kamino:capi\.workloadCluster: Secret default\/c1-kubeconfig (does not hold|holds) .*$/,
        );
        expect(attempt).not.toThrow(SECRET);
    });
});

describe("the Secret in the management cluster", () => {
    const folder = mkdtempSync(join(tmpdir(), "kamino-test-"));
    const file = join(folder, "management");
    let server: Server;
    let asked: string[] = [];
    let answer: { status: number; body: object };

    beforeAll(async () => {
        server = createServer((request, response) => {
            asked.push(`${request.method} ${request.url}`);
            response.writeHead(answer.status, { "content-type": "application/json" });
            response.end(JSON.stringify(answer.body));
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const name = "management";
        const config = {
            ...{ apiVersion: "v1", kind: "Config", "current-context": name },
            clusters: [{ name, cluster: { server: address, "insecure-skip-tls-verify": true } }],
            users: [{ name, user: { token: "x" } }],
            contexts: [{ name, context: { cluster: name, user: name } }],
        };
        writeFileSync(file, JSON.stringify(config));
    });
    beforeEach(() => void (asked = []));
    afterAll(() => {
        server.close();
        rmSync(folder, { recursive: true, force: true });
    });

    const settings = { kubeconfig: file, workloadCluster: { namespace: "default", name: "c1" } };
    const secret = (data: object) => ({ status: 200, body: { metadata: { name: "c1-kubeconfig" }, data } });
    const refusal = () => kubernetes(settings).then(() => "none", oneLine);

    test.each<[string, typeof answer, RegExp]>([
        [
            "is not there",
            { status: 404, body: { message: 'secrets "c1-kubeconfig" not found' } },
            /^kamino:capi\.workloadCluster: Secret default\/c1-kubeconfig is not there; kubectl get clusters -A lists .*127\.0\.0\.1/,
        ],
        [
            "may not be read",
            { status: 403, body: { message: 'secrets "c1-kubeconfig" is forbidden: User "ann" cannot get resource' } },
            /^kamino:capi\.workloadCluster: Secret default\/c1-kubeconfig cannot be read: .*answered 403: .*cannot get resource; grant this verb/,
        ],
        ["is empty", secret({}), /c1-kubeconfig has nothing in its key "value"/],
        [
            "holds something else",
            secret({ value: Buffer.from(SECRET).toString("base64") }),
            /c1-kubeconfig does not hold a kubeconfig/,
        ],
    ])("that %s gives one line", async (_what, given, line) => {
        answer = given;
        const said = await refusal();
        expect(said).toMatch(line);
        expect(said).not.toMatch(new RegExp(`${SECRET}|\n`));
    });

    it("is read once for all who ask, by its one name; another try after a refusal reads it again", async () => {
        answer = secret({});
        await refusal();
        answer = secret({ value: Buffer.from(kubeconfig()).toString("base64") });
        const [one, two] = await Promise.all([kubernetes(settings), kubernetes({ ...settings })]);
        expect(one).toBe(two);
        expect(one.server).toBe("https://192.0.2.7:6443");
        expect(asked).toEqual(Array(2).fill("GET /api/v1/namespaces/default/secrets/c1-kubeconfig"));
    });

    it("is not the management cluster's client", async () => {
        answer = secret({ value: Buffer.from(kubeconfig()).toString("base64") });
        const management = await kubernetes({ kubeconfig: file });
        expect(management.server).toMatch(/^http:\/\/127\.0\.0\.1/);
        expect(await kubernetes(settings)).not.toBe(management);
    });
});
