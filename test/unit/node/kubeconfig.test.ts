// Kubeconfigs as kubectl takes them: lists of files, paths beside them, credential plugins, proxies, and what
// Kubernetes has removed.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, test, vi } from "vitest";
import { runPlugin } from "../../../components/node/execPlugin";
import { getJson, kubeConfig, kubernetes } from "../../../components/node/kubernetes";

const folder = mkdtempSync(join(tmpdir(), "kamino-test-"));
const elsewhere = mkdtempSync(join(tmpdir(), "kamino-test-"));
afterAll(() => [folder, elsewhere].forEach((each) => rmSync(each, { recursive: true, force: true })));
afterEach(() => vi.unstubAllEnvs());

interface Content {
    server?: string;
    user?: Record<string, unknown>;
    cluster?: Record<string, unknown>;
    /** Name of the cluster; that of the file where left out. */
    clusterName?: string;
}

function write(name: string, content: Content = {}, where = folder): string {
    const { server = "https://192.0.2.1", user = { token: "x" }, cluster = {}, clusterName = name } = content;
    const file = join(where, name);
    const config = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": name },
        clusters: [{ name: clusterName, cluster: { server, ...cluster } }],
        users: [{ name, user }],
        contexts: [{ name, context: { cluster: clusterName, user: name } }],
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
}

describe("a list of files in KUBECONFIG", () => {
    it("is merged: the first file that has a name or a current context keeps it", () => {
        const one = write("one", { server: "https://192.0.2.1", clusterName: "same" });
        const two = write("two", { server: "https://192.0.2.2", clusterName: "same" });
        vi.stubEnv("KUBECONFIG", `${one}:${two}`);
        const config = kubeConfig({});
        expect(config.getCurrentContext()).toBe("one");
        expect(config.getCurrentCluster()?.server).toBe("https://192.0.2.1");
        expect(kubeConfig({ context: "two" }).getCurrentUser()?.name).toBe("two");
    });

    it("may name files that are not there", () => {
        vi.stubEnv("KUBECONFIG", `${join(folder, "not-there")}:${write("there")}:`);
        expect(kubeConfig({}).getCurrentContext()).toBe("there");
    });

    it("of which none is there is no cluster, and the line says which were looked for", () => {
        vi.stubEnv("KUBECONFIG", join(folder, "not-there"));
        expect(() => kubeConfig({})).toThrow(
            /^no Kubernetes cluster is configured: none of the files of KUBECONFIG \(.*not-there\) is there, .*; set kamino:kubeconfig/,
        );
    });

    it("has paths relative to each file's folder", () => {
        writeFileSync(join(elsewhere, "token"), "from a file");
        const files = { "client-certificate": "client.pem", tokenFile: "token" };
        const file = write("relative", { user: files, cluster: { "certificate-authority": "ca.pem" } }, elsewhere);
        const config = kubeConfig({ kubeconfig: file });
        expect(config.getCurrentCluster()?.caFile).toBe(join(elsewhere, "ca.pem"));
        expect(config.getCurrentUser()).toMatchObject({
            certFile: join(elsewhere, "client.pem"),
            authProvider: { name: "tokenFile", config: { tokenFile: join(elsewhere, "token") } },
        });
    });
});

test.each([
    ["azure", /kubelogin convert-kubeconfig/],
    ["gcp", /gke-gcloud-auth-plugin/],
])("the removed auth provider %s is refused with advice", (name, advice) => {
    const kubeconfig = write(`old-${name}`, { user: { "auth-provider": { name, config: { "client-id": "b" } } } });
    expect(() => kubeConfig({ kubeconfig })).toThrow(advice);
    // The user of another context is nobody's concern.
    vi.stubEnv("KUBECONFIG", `${write("current")}:${kubeconfig}`);
    expect(kubeConfig({}).getCurrentUser()?.name).toBe("current");
});

describe("a credential plugin", () => {
    const shell = (script: string) => ({
        apiVersion: "client.authentication.k8s.io/v1",
        command: "sh",
        args: ["-c", script],
    });

    it("that waits for a person ends in time, with what it said, and leaves no process behind", async () => {
        const mark = `6${process.pid}.25`;
        const said = runPlugin(
            shell(`echo open a page and enter a code >&2; sleep ${mark} & sleep ${mark}`),
            "ann",
            1500,
        );
        await expect(said).rejects.toThrow(
            /^the credential plugin "sh" of the kubeconfig's user "ann" did not answer within 2s.*it said: open a page and enter a code; sign in before the run/,
        );
        const left = () => spawnSync("pgrep", ["-f", `sleep ${mark}`], { encoding: "utf8" }).stdout;
        await expect.poll(left, { timeout: 5000 }).toBe("");
    });

    it("learns that nobody is there to answer, and gets its own variables", async () => {
        const script = `echo "{\\"status\\":{\\"token\\":\\"$OWN\\"}}"; echo "$KUBERNETES_EXEC_INFO" | grep -q '"interactive":false'`;
        const answer = await runPlugin({ ...shell(script), env: [{ name: "OWN", value: "t" }] }, "ann");
        expect(answer.status?.token).toBe("t");
    });

    test.each([
        [
            "fails",
            { command: "sh", args: ["-c", "echo unknown tenant >&2; exit 3"] },
            /failed \(3\); it said: unknown tenant$/,
        ],
        ["is not installed", { command: "kubelogin-not-there" }, /is not installed; install it, or check PATH$/],
        [
            "says how to install it",
            { command: "not-there", installHint: "brew install x" },
            /not installed: brew install x$/,
        ],
        ["gives no credential", { command: "echo", args: ["{}"] }, /gave no ExecCredential/],
        ["wants a terminal", { command: "sh", interactiveMode: "Always" }, /needs a person at a terminal/],
    ])("that %s gives a separate line", async (_what, plugin, message) => {
        await expect(runPlugin(plugin, "ann")).rejects.toThrow(message);
    });

    it("runs once for many requests, and its token goes to the API server", async () => {
        const log = join(folder, "runs");
        const server = createServer((request, response) => {
            response.end(JSON.stringify({ authorization: request.headers.authorization }));
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const exec = shell(`echo run >> ${log}; echo '{"status":{"token":"secret"}}'`);
        const cluster = { "insecure-skip-tls-verify": true };
        const client = await kubernetes({ kubeconfig: write("exec", { server: address, user: { exec }, cluster }) });
        const read = () => getJson<{ authorization: string }>(client, "/version", {});
        const answers = await Promise.all([read(), read()]);
        server.close();
        expect(answers.map(({ authorization }) => authorization)).toEqual(["Bearer secret", "Bearer secret"]);
        expect(spawnSync("wc", ["-l", log], { encoding: "utf8" }).stdout).toMatch(/^\s*1 /);
    });
});

it("goes through HTTPS_PROXY, and not where NO_PROXY says so", async () => {
    const asked: string[] = [];
    const proxy = createServer().on("connect", ({ url = "" }, socket) => {
        asked.push(url);
        socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("NO_PROXY", "");
    const away = write("away", { server: "https://kube.example.invalid:6443" });
    await expect(getJson(await kubernetes({ kubeconfig: away }), "/version", {})).rejects.toThrow(
        "kube.example.invalid",
    );
    expect(asked).toEqual(["kube.example.invalid:6443"]);
    vi.stubEnv("NO_PROXY", "example.invalid");
    const direct = write("direct", { server: "https://kube.example.invalid:6443" });
    await expect(getJson(await kubernetes({ kubeconfig: direct }), "/version", {})).rejects.toThrow(
        "kube.example.invalid",
    );
    expect(asked).toHaveLength(1);
    proxy.close();
});
