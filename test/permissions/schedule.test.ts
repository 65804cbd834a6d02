// What a scheduled run may do in its own namespace is enough for its lease and its report, and nothing of it is
// superfluous.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CoordinationV1Api, KubeConfig, type V1Role } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { oneLine } from "../../components/core/errors";
import { ownRules } from "../../components/schedule/permissions";
import { deliver } from "../../runner/deliver";
import { acquireLease } from "../../runner/lease";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { apiOf, type Api } from "../../sandbox/nodes/api";
import { makeNamespace } from "../cluster/api";
import { refusalOf, serviceAccount, textOf, verbsOf, type Verb } from "./support";

const namespace = "kamino";
const names = { lease: "kamino", report: "kamino-report" };
const pod = { ...names, name: "kamino-1", namespace, serviceAccount: "", server: "" };
const roleOf = (mode: "preview" | "up"): V1Role => ({
    kind: "Role",
    metadata: { name: `kamino-${mode}`, namespace },
    rules: ownRules(mode, names),
});

let directory: string;
let cluster: Cluster;
let api: Api;

beforeAll(async () => {
    vi.spyOn(console, "log").mockImplementation(() => undefined);
    directory = mkdtempSync(join(tmpdir(), "kamino permissions "));
    cluster = await startCluster(join(directory, "cluster"));
    api = apiOf(cluster.kubeconfig);
    await makeNamespace(api, namespace);
    await api.core.createNamespacedConfigMap({ namespace, body: { metadata: { name: names.report } } });
    await leases().createNamespacedLease({ namespace, body: { metadata: { name: names.lease } } });
});
afterAll(async () => {
    vi.restoreAllMocks();
    await cluster?.stop();
    rmSync(directory, { recursive: true, force: true });
});

const leases = () => api.config.makeApiClient(CoordinationV1Api);

/** The pod that held the lease before has gone: whether it runs has to be asked. */
async function leaveHeld(): Promise<void> {
    const at = { name: names.lease, namespace };
    const lease = await leases().readNamespacedLease(at);
    await leases().replaceNamespacedLease({ ...at, body: { ...lease, spec: { holderIdentity: "kamino-0" } } });
}

/** What a run does in its own namespace. @returns what it fails with, in one line */
async function run(mode: "preview" | "up", account: string, without?: Verb): Promise<string | undefined> {
    const place = { nodes: { api }, directory, cluster };
    const config = new KubeConfig();
    config.loadFromFile(await serviceAccount(place, account, [roleOf(mode)], without));
    await leaveHeld();
    try {
        const lease = mode === "up" ? await acquireLease(config, pod) : undefined;
        const report = { mode, headline: "done", text: "", exitCode: 0 };
        const [problem] = await deliver(report, { env: {}, cluster: { config, pod } });
        await lease?.release();
        return problem;
    } catch (error) {
        return oneLine(error);
    }
}

for (const mode of ["preview", "up"] as const) {
    test.each(verbsOf([roleOf(mode)]).map((verb) => [textOf(verb), verb] as const))(
        `a run in mode ${mode} fails and names what is missing without the verb %s`,
        async (text, verb) => {
            const failure = await run(mode, `${mode}-without-${text.replace(/\W/g, "-")}`, verb);
            expect(failure).toContain(refusalOf(verb));
        },
    );

    test(`a run in mode ${mode} does with all of them`, async () => {
        expect(await run(mode, mode)).toBeUndefined();
    });
}

test("the packages of images that a run has made go with its report, and stay with the next one's", async () => {
    const folder = join(directory, "packages");
    mkdirSync(folder);
    writeFileSync(join(folder, "pool1-2026.1122.0412.cdx.json"), '{"bomFormat":"CycloneDX"}');
    const config = new KubeConfig();
    config.loadFromFile(await serviceAccount({ nodes: { api }, directory, cluster }, "lists", [roleOf("up")]));
    const report = { mode: "up" as const, headline: "done", text: "", exitCode: 0 };
    for (const env of [{ KAMINO_PACKAGES: folder }, {}]) {
        await deliver(report, { env, cluster: { config, pod } });
    }
    const { data, binaryData } = await api.core.readNamespacedConfigMap({ name: names.report, namespace });
    expect(data).toMatchObject({ headline: "done" });
    const list = binaryData?.["pool1-2026.1122.0412.cdx.json.gz"] ?? "";
    expect(gunzipSync(Buffer.from(list, "base64")).toString()).toBe('{"bomFormat":"CycloneDX"}');
});
