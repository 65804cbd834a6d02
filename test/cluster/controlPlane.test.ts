// The control plane by itself: real RBAC, tokens and admission; clusters side by side; nothing left after a stop.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CoreV1Api, KubeConfig, VersionApi } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { apiOf, waitFor, type Api } from "../../sandbox/nodes/api";
import { makeNamespace, PAUSE, statusOf } from "./api";

const repository = resolve(__dirname, "..", "..");

/** Commands of all processes whose command line names this folder. */
function processesIn(directory: string): string[] {
    const all = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
    return all.filter((line) => line.includes(directory) && !line.includes("ps -eo"));
}

/** The same cluster, seen by a service account that holds a token of the API server. */
async function asServiceAccount({ config, core }: Api, namespace: string): Promise<CoreV1Api> {
    const { status } = await core.createNamespacedServiceAccountToken({
        namespace,
        name: "default",
        body: { spec: { audiences: [] } },
    });
    const own = new KubeConfig();
    own.loadFromClusterAndUser(config.getCurrentCluster()!, { name: "account", token: status?.token });
    return own.makeApiClient(CoreV1Api);
}

describe("a control plane", { timeout: 180_000 }, () => {
    let folder: string;
    let first: Cluster;
    let second: Cluster;
    let api: Api;

    beforeAll(async () => {
        // A space, as in many a person's home folder.
        folder = mkdtempSync(join(tmpdir(), "kamino cluster "));
        [first, second] = await Promise.all([startCluster(join(folder, "one")), startCluster(join(folder, "two"))]);
        api = apiOf(first.kubeconfig);
    }, 180_000);

    afterAll(async () => {
        await Promise.all([first?.stop(), second?.stop()]);
        rmSync(folder, { recursive: true, force: true });
    });

    test("is the pinned Kubernetes", async () => {
        const { gitVersion } = await api.config.makeApiClient(VersionApi).getCode();
        const pinned = /k8s\.io\/kubernetes (v\S+)/.exec(
            readFileSync(join(repository, "sandbox/cluster/go.mod"), "utf8"),
        );
        expect(gitVersion).toBe(pinned?.[1]);
    });

    test("lets a service account's token do what a role allows and nothing else", async () => {
        const namespace = await makeNamespace(api, "rbac");
        const account = await asServiceAccount(api, namespace);
        expect(await statusOf(account.listNamespacedConfigMap({ namespace }))).toBe(403);
        const { RbacAuthorizationV1Api } = await import("@kubernetes/client-node");
        const rbac = api.config.makeApiClient(RbacAuthorizationV1Api);
        const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
        const subjects = [{ kind: "ServiceAccount", name: "default", namespace }];
        await rbac.createNamespacedRoleBinding({ namespace, body: { metadata: { name: "view" }, roleRef, subjects } });
        await waitFor("the role to count", async () =>
            (await statusOf(account.listNamespacedConfigMap({ namespace }))) === 200 ? true : undefined,
        );
        expect(await statusOf(account.listNamespacedSecret({ namespace }))).toBe(403);
    });

    test("turns strangers away", async () => {
        const stranger = new KubeConfig();
        stranger.loadFromClusterAndUser(api.config.getCurrentCluster()!, { name: "stranger" });
        expect(await statusOf(stranger.makeApiClient(CoreV1Api).listNode())).toBe(403);
    });

    test("refuses privileged pods in a namespace that PodSecurity restricts", async () => {
        const namespace = await makeNamespace(api, "restricted");
        await api.core.replaceNamespace({
            name: namespace,
            body: { metadata: { name: namespace, labels: { "pod-security.kubernetes.io/enforce": "restricted" } } },
        });
        const body = {
            metadata: { name: "privileged" },
            spec: { containers: [{ ...PAUSE, securityContext: { privileged: true } }] },
        };
        expect(await statusOf(api.core.createNamespacedPod({ namespace, body }))).toBe(403);
    });

    test("has nothing to do with another one beside it", async () => {
        await api.core.createNamespace({ body: { metadata: { name: "only-here" } } });
        expect(await statusOf(apiOf(second.kubeconfig).core.readNamespace({ name: "only-here" }))).toBe(404);
        const crossed = new KubeConfig();
        crossed.loadFromClusterAndUser(
            { ...api.config.getCurrentCluster()!, server: second.server },
            api.config.getCurrentUser()!,
        );
        await expect(crossed.makeApiClient(CoreV1Api).listNode()).rejects.toThrow(/certificate/);
    });

    test("leaves no process and no file when it is stopped", async () => {
        expect(processesIn(second.directory).length).toBeGreaterThanOrEqual(5);
        await second.stop();
        expect(processesIn(second.directory)).toEqual([]);
        expect(existsSync(second.directory)).toBe(false);
    });

    test("leaves no process when the one that started it is killed", async () => {
        const directory = join(folder, "orphan");
        const program = `require(${JSON.stringify(join(repository, "sandbox/cluster"))}).startCluster(${JSON.stringify(directory)}).then(() => console.log("up"))`;
        const owner = spawn(process.execPath, ["-r", "esbuild-register", "-e", program], { cwd: repository });
        await new Promise((done) => owner.stdout.once("data", done));
        const children = () => processesIn(directory).filter((line) => !line.includes("startCluster"));
        expect(children().length).toBeGreaterThanOrEqual(5);
        owner.kill("SIGKILL");
        await waitFor("all programs to end", () => Promise.resolve(children().length === 0 ? true : undefined), 10_000);
    });
});
