// Reading the cluster for a selection, on a real API server: what is found, what is said, what is refused.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JOURNAL, formatJournal } from "../../components/capture/journal";
import type { NodeSelectionState } from "../../components/selection/nodeSelection";
import { patchNode } from "../../sandbox/nodes/api";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import type { Vm } from "../../sandbox/azure";
import { argsFor, call, check } from "./support/selection";

const HOUR = 3_600_000;

describe("a selection on a real cluster", { timeout: 120_000 }, () => {
    let sandbox: Sandbox;
    let [first, second, third]: Vm[] = [];

    beforeAll(async () => {
        sandbox = await startSandbox({
            pools: [
                { name: "pool1", capacity: 3 },
                { name: "pool10", capacity: 1 },
            ],
            kured: { version: "1.6.1", annotateNodes: false },
        });
        [first, second, third] = sandbox.azure.vms(argsFor(sandbox, "pool1").scaleSetId);
    }, 180_000);

    afterAll(() => sandbox?.stop());

    test("without kured's annotation says which kured there is and which is needed", async () => {
        const { inputs, failures, said } = await check(sandbox, {}, argsFor(sandbox, "pool1"));
        expect(failures).toBeUndefined();
        expect(inputs).toMatchObject({ versions: [], current: "", currentNode: "", nodesToRecover: [] });
        expect(said).toContain("pool1: unchanged, no image yet (3 nodes: 3 without a reboot annotation)");
        expect(said).toContain(
            "kured 1.6.1 runs as DaemonSet kube-system/kured without --annotate-nodes; kured 1.7.0 or later with --annotate-nodes is needed",
        );
    });

    test("takes the node that kured rebooted last, and keeps to it when asked again", async () => {
        const now = Date.now();
        await sandbox.nodes.installKured({ version: "1.13.0" });
        await sandbox.nodes.patchAndReboot(first.nodeName, { at: new Date(now - 40 * HOUR) });
        await sandbox.nodes.patchAndReboot(second.nodeName, { at: new Date(now - 15 * HOUR), utcOffsetMinutes: 120 });
        const asked = argsFor(sandbox, "pool1");
        const { inputs, said } = await check(sandbox, {}, asked);
        expect(inputs.versions).toEqual([
            expect.objectContaining({ node: second.nodeName, instanceId: second.instanceId, attempt: 1 }),
        ]);
        expect(inputs).toMatchObject({ current: inputs.versions[0].version, currentNode: second.nodeName });
        expect(said).toMatch(/ready 14h, image \d{4}\.\d{4}\.\d{4} \(3 nodes: 1 without a reboot annotation, 2 fit\)/);

        const again = await check(sandbox, inputs, asked);
        expect(again.inputs).toEqual(inputs);
    });

    test("counts nodes out by what only the whole node says", async () => {
        const { rules } = argsFor(sandbox, "pool1");
        const { said } = await check(
            sandbox,
            {},
            argsFor(sandbox, "pool1", { rules: { ...rules, minimumReadyTimeMs: 20 * 3_600_000 } }),
        );
        expect(said).toContain("1 Ready for less than 20h, 1 fits");
    });

    test("leaves out the node that it runs on", async () => {
        const { inputs } = await check(sandbox, {}, argsFor(sandbox, "pool1"), { NODE_NAME: second.nodeName });
        expect(inputs.currentNode).toBe(first.nodeName);
    });

    test("leaves cordoned nodes out, but not for its own capture that died", async () => {
        const journal = {
            ...{ pool: "pool1", version: "2026.0101.0000", resourceGroup: "kube", namespace: "kamino-capture" },
            ...{
                cordoned: false,
                host: "elsewhere",
                process: 1,
                heartbeatAt: new Date(Date.now() - HOUR).toISOString(),
            },
        };
        await patchNode(sandbox.nodes.api, second.nodeName, { spec: { unschedulable: true } });
        const cordoned = await check(sandbox, {}, argsFor(sandbox, "pool1"));
        expect(cordoned.inputs.currentNode).toBe(first.nodeName);
        expect(cordoned.said).toContain("1 cordoned");

        const annotate = (value: string | null) =>
            patchNode(sandbox.nodes.api, second.nodeName, { metadata: { annotations: { [JOURNAL]: value } } });
        await annotate(formatJournal(journal));
        const interrupted = await check(sandbox, {}, argsFor(sandbox, "pool1"));
        expect(interrupted.inputs).toMatchObject({ currentNode: second.nodeName, nodesToRecover: [] });
        // No other node is taken before this one is back in service.
        const other = await check(sandbox, {}, argsFor(sandbox, "pool1", { node: first.nodeName }));
        expect(other.inputs).toMatchObject({ currentNode: "", nodesToRecover: [second.nodeName] });
        expect(other.said).toContain(`no other node is captured before node ${second.nodeName} is back in service`);

        await annotate(null);
        await patchNode(sandbox.nodes.api, second.nodeName, { spec: { unschedulable: false } });
    });

    test("forgets nodes that were restored, so that a later interruption shows again", async () => {
        const { inputs } = await check(sandbox, {}, argsFor(sandbox, "pool1"));
        const news = { ...inputs, nodesToRecover: [third.nodeName] };
        const { outs } = await call<{ outs: NodeSelectionState }>(sandbox, "update", ["pool1", inputs, news]);
        expect(outs).toEqual({ ...inputs, nodesToRecover: [] });
    });

    test("finds a pool by its provider ids where names do not tell, however many nodes there are", async () => {
        const { core } = sandbox.nodes.api;
        const strangers = Array.from({ length: 70 }, (_, index) => `stranger-${index}`);
        await Promise.all(
            strangers.map((name) =>
                core.createNode({ body: { metadata: { name }, spec: { providerID: `azure:///${name}` } } }),
            ),
        );
        const { inputs, said } = await check(sandbox, {}, argsFor(sandbox, "pool1", { computerNamePrefix: "renamed" }));
        expect(inputs.currentNode).toBe(second.nodeName);
        expect(said).toContain("(3 nodes:");
        await Promise.all(strangers.map((name) => core.deleteNode({ name })));
    });

    test("does not take a future annotation, nor one that is not a date", async () => {
        const annotate = (value: string) =>
            patchNode(sandbox.nodes.api, third.nodeName, {
                metadata: { annotations: { "weave.works/kured-most-recent-reboot-needed": value } },
            });
        await annotate(new Date(Date.now() + HOUR).toISOString());
        const future = await check(sandbox, {}, argsFor(sandbox, "pool1"));
        expect(future.inputs.currentNode).toBe(second.nodeName);
        expect(future.said).toContain("1 with a reboot annotation in the future");
        await annotate("\u0000'; DROP TABLE nodes".repeat(1000));
        const junk = await check(sandbox, {}, argsFor(sandbox, "pool1"));
        expect(junk.said).toContain("1 with an unusable reboot annotation");
    });

    describe("refuses in one line, and names what to mend:", () => {
        const reasonOf = async (...[news, env]: [Parameters<typeof check>[2], NodeJS.ProcessEnv?]) => {
            const { failures = [], said } = await check(sandbox, {}, news, env);
            expect(failures).toHaveLength(1);
            expect(failures[0].reason.split("\n")).toHaveLength(1);
            expect(said).not.toContain("    at ");
            return failures[0].reason;
        };

        test("a node of another pool, or of none", async () => {
            const [stranger] = sandbox.azure.vms(argsFor(sandbox, "pool10").scaleSetId);
            for (const node of [stranger.nodeName, "nobody"]) {
                expect(await reasonOf(argsFor(sandbox, "pool1", { node }))).toContain(
                    `node: "${node}" is not a node of scale set`,
                );
            }
        });

        test("a pinned version that does not exist", async () => {
            expect(await reasonOf(argsFor(sandbox, "pool1", { pin: "2026.0101.0000" }))).toContain(
                'kamino:pools, pool "pool1", pin: there is no image version 2026.0101.0000 in the gallery; there is none yet',
            );
        });

        test("no kubeconfig, an unknown context, no cluster at all", async () => {
            const missing = argsFor(sandbox, "pool1", { kubernetes: { kubeconfig: "/nowhere/config" } });
            expect(await reasonOf(missing)).toMatch(/kamino:kubeconfig "\/nowhere\/config" cannot be read: ENOENT/);
            const { kubeconfig } = sandbox.cluster;
            const context = argsFor(sandbox, "pool1", { kubernetes: { kubeconfig, context: "prod" } });
            expect(await reasonOf(context)).toContain('kamino:context: there is no context "prod"');
            const none = argsFor(sandbox, "pool1", { kubernetes: {} });
            expect(await reasonOf(none, { KUBECONFIG: "", HOME: sandbox.directory })).toContain(
                "no Kubernetes cluster is configured",
            );
        });

        test("an API server that is away", async () => {
            const away = writeKubeconfig("away", (config) =>
                config.replace(sandbox.cluster.server, "https://127.0.0.1:1"),
            );
            const reason = await reasonOf(argsFor(sandbox, "pool1", { kubernetes: { kubeconfig: away } }));
            expect(reason).toContain(
                "the Kubernetes API server at https://127.0.0.1:1 cannot be reached: connect ECONNREFUSED",
            );
            expect(reason).toContain("kamino:kubeconfig");
        });

        test("a user who may not list nodes", async () => {
            const { core } = sandbox.nodes.api;
            const { status } = await core.createNamespacedServiceAccountToken({
                ...{ name: "default", namespace: "default" },
                body: { spec: { audiences: [], expirationSeconds: 600 } },
            });
            const { server, caFile } = sandbox.cluster;
            const config = {
                ...{ apiVersion: "v1", kind: "Config", "current-context": "c" },
                clusters: [{ name: "c", cluster: { server, "certificate-authority": caFile } }],
                users: [{ name: "c", user: { token: status?.token } }],
                contexts: [{ name: "c", context: { cluster: "c", user: "c" } }],
            };
            const nobody = writeKubeconfig("nobody", () => JSON.stringify(config));
            const reason = await reasonOf(argsFor(sandbox, "pool1", { kubernetes: { kubeconfig: nobody } }));
            expect(reason).toContain(
                'answered 403: nodes is forbidden: User "system:serviceaccount:default:default" cannot list',
            );
            expect(reason).not.toContain(status?.token);
        });

        test("an Azure Resource Manager that is away", async () => {
            const reason = await reasonOf(argsFor(sandbox, "pool1"), { ARM_METADATA_HOSTNAME: "127.0.0.1:1" });
            expect(reason).toMatch(/ARM_METADATA_HOSTNAME|Azure Resource Manager/);
        });

        function writeKubeconfig(name: string, change: (config: string) => string): string {
            const path = join(sandbox.directory, `${name}.kubeconfig`);
            writeFileSync(path, change(readFileSync(sandbox.cluster.kubeconfig, "utf8")));
            return path;
        }
    });
});
