// kured's lock on a real API server: found wherever kured is, taken in turn, renewed, given back, and never taken from
// anybody.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppsV1Api, KubeConfig, RbacAuthorizationV1Api, type V1DaemonSet } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { statusOf } from "../../components/core/errors";
import { listDaemonSets } from "../../components/node/kuredCluster";
import {
    acquireKuredLock,
    withKuredLock,
    type AcquiredLease,
    type KuredLockOptions,
} from "../../components/node/kuredLock";
import { kubernetes, type Kubernetes } from "../../components/node/kubernetes";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { apiOf, waitFor, type Api } from "../../sandbox/nodes/api";
import { makeNamespace } from "./api";

const KEY = "weave.works/kured-node-lock";

describe("kured's lock", { timeout: 120_000 }, () => {
    let folder: string;
    let cluster: Cluster;
    let api: Api;
    let clients: Kubernetes;

    beforeAll(async () => {
        folder = mkdtempSync(join(tmpdir(), "kamino-lock-"));
        cluster = await startCluster(join(folder, "cluster"));
        api = apiOf(cluster.kubeconfig);
        clients = await kubernetes({ kubeconfig: cluster.kubeconfig });
        await makeNamespace(api, "reboots");
    }, 180_000);

    afterAll(async () => {
        await cluster?.stop();
        rmSync(folder, { recursive: true, force: true });
    });

    beforeEach(async () => {
        const { items } = await api.apps.listDaemonSetForAllNamespaces();
        await Promise.all(
            items.map(({ metadata }) =>
                api.apps.deleteNamespacedDaemonSet({ name: metadata!.name!, namespace: metadata!.namespace! }),
            ),
        );
        await listed((all) => all.length === 0);
    });

    /** The API server's cache, from which a run lists DaemonSets, comes a moment after what was written. */
    function listed(asExpected: (all: V1DaemonSet[]) => boolean): Promise<true> {
        return waitFor("the list of DaemonSets to follow", async () =>
            asExpected(await listDaemonSets(clients)) ? true : undefined,
        );
    }

    /** Installs kured; no node is there for it to run on. */
    async function install(args: string[] = [], namespace = "kube-system", name = "kured"): Promise<void> {
        const labels = { name };
        const containers = [
            { name: "kured", image: "ghcr.io/kubereboot/kured:1.17.1", command: ["/usr/bin/kured"], args },
        ];
        const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
        await api.apps.createNamespacedDaemonSet({ namespace, body: { metadata: { name }, spec } });
        await listed((all) => all.some(({ metadata }) => metadata?.name === name && metadata.namespace === namespace));
    }

    const read = (namespace = "kube-system", name = "kured"): Promise<V1DaemonSet> =>
        api.apps.readNamespacedDaemonSet({ namespace, name });

    /** The lock's value, parsed; undefined when there is no annotation. */
    async function lockOf(namespace?: string, name?: string, key = KEY): Promise<Record<string, unknown> | undefined> {
        const value = (await read(namespace, name)).metadata?.annotations?.[key];
        return value === undefined ? undefined : (JSON.parse(value) as Record<string, unknown>);
    }

    /**
     * Writes the lock as kured does: the DaemonSet as it was read, with the annotation, and again where its controller
     * has written it meanwhile.
     */
    async function writeLock(value: object | string | undefined): Promise<void> {
        const body = await read();
        const { [KEY]: _, ...others } = body.metadata?.annotations ?? {};
        const text = typeof value === "object" ? JSON.stringify(value) : value;
        body.metadata!.annotations = { ...others, ...(text !== undefined && { [KEY]: text }) };
        await api.apps
            .replaceNamespacedDaemonSet({ namespace: "kube-system", name: "kured", body })
            .catch((error: unknown) => {
                if (statusOf(error) !== 409) {
                    throw error;
                }
                return writeLock(value);
            });
    }

    const ofNode = (nodeID: string, TTL = 0, created = new Date().toISOString()) => ({
        ...{ nodeID, metadata: { unschedulable: false }, created, TTL },
    });

    test("is taken as kured writes it, renewed, and given back", async () => {
        await install();
        const lease = await acquireKuredLock(clients, "pool1");
        const first = await lockOf();
        expect(lease).toMatchObject({ kind: "held", where: "DaemonSet kube-system/kured" });
        expect(first).toEqual({
            ...{ nodeID: "kamino/pool1", metadata: { unschedulable: false }, TTL: 300_000_000_000 },
            created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{8}[1-9]Z$/) as string,
        });
        await lease.renew();
        const second = await lockOf();
        expect(second).toEqual({ ...first, created: expect.not.stringMatching(String(first?.created)) as string });
        await lease.release();
        expect(await lockOf()).toBeUndefined();
        // Once more is nothing.
        await lease.release();
    });

    test.each([-3_600_000, 3_600_000])("goes by the API server's clock, where this one is %i ms off", async (off) => {
        await install();
        const now = Date.now();
        vi.useFakeTimers({ toFake: ["Date"], shouldAdvanceTime: true, now: now + off });
        try {
            const lease = await acquireKuredLock(clients, "pool1");
            const { created } = (await lockOf()) as { created: string };
            expect(Math.abs(Date.parse(created) - now)).toBeLessThan(60_000);
            await lease.release();
            // Another run's, which has five minutes, and one that has had them.
            const of = (age: number) => ofNode("kamino/pool1", 300e9, new Date(now - age).toISOString());
            await writeLock(of(0));
            await expect(acquireKuredLock(clients, "pool1", { waitLimit: 1000 })).rejects.toThrow(
                /"kamino\/pool1" since .*, at most until/,
            );
            await writeLock(of(600_000));
            await (await acquireKuredLock(clients, "pool1", { waitLimit: 1000 })).release();
        } finally {
            vi.useRealTimers();
        }
    });

    test("is where kured's own options say, in a list of as many places as they allow", async () => {
        const args = [
            "--ds-namespace=reboots",
            "--ds-name",
            "rebooter",
            "--lock-annotation=x.io/lock",
            "--concurrency=2",
        ];
        await install(args, "reboots", "rebooter");
        const leases = [await acquireKuredLock(clients, "pool1"), await acquireKuredLock(clients, "pool2")];
        const lock = await lockOf("reboots", "rebooter", "x.io/lock");
        expect(lock).toMatchObject({ maxOwners: 2, locks: [{ nodeID: "kamino/pool1" }, { nodeID: "kamino/pool2" }] });
        await leases[0].renew();
        await leases[1].release();
        expect(await lockOf("reboots", "rebooter", "x.io/lock")).toMatchObject({ locks: [{ nodeID: "kamino/pool1" }] });
        await leases[0].release();
        expect(await lockOf("reboots", "rebooter", "x.io/lock")).toBeUndefined();
    });

    test("is of the DaemonSet that the setting names", async () => {
        await install();
        await install(["--ds-namespace=reboots", "--ds-name=other"], "reboots", "other");
        const daemonSet = { namespace: "reboots", name: "other" };
        const lease = await acquireKuredLock(clients, "pool1", { daemonSet });
        expect(await lockOf("reboots", "other")).toMatchObject({ nodeID: "kamino/pool1" });
        expect(await lockOf()).toBeUndefined();
        await lease.release();
        const missing = { ...daemonSet, name: "none" };
        await expect(acquireKuredLock(clients, "pool1", { daemonSet: missing })).rejects.toThrow(
            "kamino:kuredDaemonSet: there is no DaemonSet reboots/none",
        );
    });

    test("is none where kured is not, or where the setting says so", async () => {
        const none = await acquireKuredLock(clients, "pool1");
        expect(none).toMatchObject({ kind: "none", where: "no kured DaemonSet was found" });
        await none.renew();
        await none.release();
        await install();
        expect(await acquireKuredLock(clients, "pool1", { enabled: false })).toMatchObject({ kind: "none" });
        expect(await lockOf()).toBeUndefined();
    });

    test("is not needed for the pools of one run to take turns, unless they go on together", async () => {
        const said: string[] = [];
        let [inside, most] = [0, 0];
        const work = async () => {
            most = Math.max(most, ++inside);
            await sleep(50);
            inside--;
            throw new Error("one that fails lets the next one go on");
        };
        const run = (options: KuredLockOptions) =>
            Promise.allSettled(["pool1", "pool2", "pool3"].map((pool) => withKuredLock(clients, pool, options, work)));
        const options = { enabled: false, progress: (doing: string) => said.push(doing) };
        await run(options);
        expect(most).toBe(1);
        const waiting = "waiting until another node that this run captures is back in service";
        expect(said).toEqual([waiting, waiting]);
        await run({ ...options, together: true });
        expect([most, said.length]).toEqual([3, 2]);
    });

    test("is waited for while kured has it, and the line says who has it", async () => {
        await install();
        await writeLock(ofNode("node-b"));
        const said: string[] = [];
        const waiting = acquireKuredLock(clients, "pool1", { progress: (doing) => said.push(doing) });
        await expect.poll(() => said[0]).toMatch(/^waiting for kured's lock, held by node node-b since 20/);
        await writeLock(undefined);
        const lease = await waiting;
        expect(await lockOf()).toMatchObject({ nodeID: "kamino/pool1" });
        await lease.release();
    });

    test("is not waited for longer than the limit, nor against a signal", async () => {
        await install();
        const lock = ofNode("node-b", 1800e9);
        await writeLock(lock);
        await expect(acquireKuredLock(clients, "pool1", { waitLimit: 500 })).rejects.toThrow(
            /^kured's lock on DaemonSet kube-system\/kured was not free .* held by node node-b since .*, at most until .* kubectl -n kube-system annotate daemonset kured weave.works\/kured-node-lock-$/,
        );
        const stop = new AbortController();
        const waiting = acquireKuredLock(clients, "pool1", { signal: stop.signal });
        setTimeout(() => stop.abort(new Error("told to stop")), 300);
        await expect(waiting).rejects.toThrow("told to stop");
        expect(await lockOf()).toEqual(lock);
    });

    test("says how long it was waited for, also where its holders have changed", async () => {
        await install();
        vi.useFakeTimers({ toFake: ["Date"], shouldAdvanceTime: true });
        try {
            let holder = 1;
            let writing = writeLock(ofNode("node-1"));
            await writing;
            const progress = (doing: string) => {
                if (doing.includes(`held by node node-${holder} `)) {
                    vi.setSystemTime(Date.now() + 20 * 60_000);
                    writing = writeLock(ofNode(`node-${++holder}`));
                }
            };
            await expect(acquireKuredLock(clients, "pool1", { progress })).rejects.toThrow(
                /^kured's lock on DaemonSet kube-system\/kured was not free within 4h \dm: held by node node-1\d /,
            );
            await writing;
        } finally {
            vi.useRealTimers();
        }
    });

    test("is not taken from a node whose TTL is over, but from a run of this program that died", async () => {
        await install();
        const long = new Date(Date.now() - 3_600_000).toISOString();
        await writeLock(ofNode("node-b", 300e9, long));
        await expect(acquireKuredLock(clients, "pool1", { waitLimit: 300 })).rejects.toThrow(
            /node-b since .*, expired/,
        );
        expect(await lockOf()).toMatchObject({ nodeID: "node-b" });
        await writeLock(ofNode("kamino/pool2", 300e9, long));
        const lease = await acquireKuredLock(clients, "pool1");
        expect(await lockOf()).toMatchObject({ nodeID: "kamino/pool1" });
        await lease.release();
    });

    test("that kured cannot read is left alone, with what removes it", async () => {
        await install();
        for (const value of ["node-b", { maxOwners: 2, locks: [] }]) {
            await writeLock(value);
            await expect(acquireKuredLock(clients, "pool1")).rejects.toThrow(
                /is not one that kured with --concurrency=1 can read, .* remove it with kubectl -n kube-system annotate/,
            );
            const { annotations } = (await read()).metadata ?? {};
            expect(annotations?.[KEY]).toBe(typeof value === "string" ? value : JSON.stringify(value));
        }
    });

    test("is had by one of many runs at a time, also by those of the same pool, while others write the DaemonSet", async () => {
        await install();
        let [inside, most, done] = [0, 0, 0];
        const work = async () => {
            most = Math.max(most, ++inside);
            await sleep(100);
            inside--;
            done++;
        };
        const noise = setInterval(() => {
            const annotations = { noise: String(Date.now()) };
            void read()
                .then((body) => {
                    body.metadata!.annotations = { ...body.metadata!.annotations, ...annotations };
                    return api.apps.replaceNamespacedDaemonSet({ namespace: "kube-system", name: "kured", body });
                })
                .catch(() => undefined);
        }, 20);
        try {
            await Promise.all(
                ["pool1", "pool1", "pool2", "pool2", "pool1"].map((pool) => withKuredLock(clients, pool, {}, work)),
            );
        } finally {
            clearInterval(noise);
        }
        expect([most, done]).toEqual([1, 5]);
        expect(await lockOf()).toBeUndefined();
    });

    test("is given back when the work fails, with the work's own error", async () => {
        await install();
        const work = async () => {
            expect(await lockOf()).toMatchObject({ nodeID: "kamino/pool1" });
            throw new Error("the disk is full");
        };
        await expect(withKuredLock(clients, "pool1", {}, work)).rejects.toThrow("the disk is full");
        expect(await lockOf()).toBeUndefined();
    });

    test("that was lost says who has it, and is not given back in their place; one that was removed is taken again", async () => {
        await install();
        const lease = await acquireKuredLock(clients, "pool1");
        await writeLock(undefined);
        await lease.renew();
        expect(await lockOf()).toMatchObject({ nodeID: "kamino/pool1" });
        await writeLock(ofNode("node-b"));
        await expect(lease.renew()).rejects.toThrow(/was lost: it is held by node node-b/);
        await lease.release();
        expect(await lockOf()).toMatchObject({ nodeID: "node-b" });
    });

    test("is one place for pools that go on together, which others wait for until the last has left", async () => {
        await install();
        const together = { together: true };
        const leases: AcquiredLease[] = [];
        for (const pool of ["pool1", "pool2", "pool3"]) {
            leases.push(await acquireKuredLock(clients, pool, together));
        }
        expect(await lockOf()).toMatchObject({ nodeID: "kamino/pool1+pool2+pool3" });
        await expect(acquireKuredLock(clients, "pool4", { waitLimit: 300 })).rejects.toThrow(
            /held by "kamino\/pool1\+pool2\+pool3" since/,
        );
        await leases[0].release();
        await leases[0].release();
        expect(await lockOf()).toMatchObject({ nodeID: "kamino/pool2+pool3" });
        await leases[1].renew();
        await leases[2].release();
        expect(await lockOf()).toMatchObject({ nodeID: "kamino/pool2" });
        await leases[1].release();
        expect(await lockOf()).toBeUndefined();
    });

    test("of pools that go on together has each of them once, also where kured has more places", async () => {
        await install(["--concurrency=3"]);
        const together = { together: true };
        const first = await acquireKuredLock(clients, "pool1", together);
        const second = await acquireKuredLock(clients, "pool2", together);
        // As another run does, which knows nothing of the one above, and this run, where a pool comes twice.
        for (const options of [{}, together]) {
            await expect(acquireKuredLock(clients, "pool2", { ...options, waitLimit: 300 })).rejects.toThrow(
                /held by "kamino\/pool1\+pool2"/,
            );
        }
        const other = await acquireKuredLock(clients, "pool3");
        expect(await lockOf()).toMatchObject({
            locks: [{ nodeID: "kamino/pool1+pool2" }, { nodeID: "kamino/pool3" }],
        });
        await Promise.all([first, second, other].map((lease) => lease.release()));
        expect(await lockOf()).toBeUndefined();
    });

    test("that was lost is lost for all that go on together, and who comes later waits for it", async () => {
        await install();
        const together = { together: true };
        const leases = [
            await acquireKuredLock(clients, "pool1", together),
            await acquireKuredLock(clients, "pool2", together),
        ];
        await writeLock(ofNode("node-b"));
        for (const lease of leases) {
            await expect(lease.renew()).rejects.toThrow(/was lost: it is held by node node-b/);
        }
        const later = acquireKuredLock(clients, "pool3", { ...together, waitLimit: 300 });
        await expect(later).rejects.toThrow(/held by node node-b/);
        await leases[0].release().catch(() => undefined);
        await leases[1].release();
        expect(await lockOf()).toMatchObject({ nodeID: "node-b" });
    });

    test("needs get and patch on kured's DaemonSet alone, and says so where they are missing", async () => {
        await install();
        const rbac = api.config.makeApiClient(RbacAuthorizationV1Api);
        const { status } = await api.core.createNamespacedServiceAccountToken({
            ...{ name: "default", namespace: "reboots" },
            body: { spec: { audiences: [] } },
        });
        const config = new KubeConfig();
        config.loadFromClusterAndUser(api.config.getCurrentCluster()!, { name: "account", token: status?.token });
        const poor = { ...clients, apps: apiOfConfig(config) };
        await expect(acquireKuredLock(poor, "pool1")).rejects.toThrow(
            /^kured's lock cannot be used: .* answered 403: .*cannot get.*kamino:kuredLock to false/,
        );
        const namespace = "kube-system";
        const rules = [
            { apiGroups: ["apps"], resources: ["daemonsets"], resourceNames: ["kured"], verbs: ["get", "patch"] },
        ];
        await rbac.createNamespacedRole({ namespace, body: { metadata: { name: "lock" }, rules } });
        const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "lock" };
        const subjects = [{ kind: "ServiceAccount", name: "default", namespace: "reboots" }];
        await rbac.createNamespacedRoleBinding({ namespace, body: { metadata: { name: "lock" }, roleRef, subjects } });
        const acquire = () => acquireKuredLock(poor, "pool1").catch(() => undefined);
        let lease: AcquiredLease | undefined;
        // A role counts a moment after it was made.
        await expect.poll(async () => (lease = await acquire())?.kind, { timeout: 20_000 }).toBe("held");
        await lease?.renew();
        expect(await lockOf()).toMatchObject({ nodeID: "kamino/pool1" });
        await lease?.release();
        expect(await lockOf()).toBeUndefined();
    });
});

function apiOfConfig(config: KubeConfig): Kubernetes["apps"] {
    return config.makeApiClient(AppsV1Api);
}
