// The scheduled run: Kubernetes' own CronJob controller makes the Job, and its very command does the bump with the
// rights of its account.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AuthorizationV1Api, KubeConfig, RbacAuthorizationV1Api, type V1Pod } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stack } from "../../sandbox/engine/stack";
import { patchNode, waitFor } from "../../sandbox/nodes/api";
import type { Sandbox } from "../../sandbox/sandbox";
import { tokenOf } from "./support/schedule";
import { NAMESPACE, Scheduled } from "./support/scheduled";

const MINUTE = 60_000;

let scheduled: Scheduled;
let sandbox: Sandbox;
let schedule: Stack;
let plan: string;
let pod: V1Pod;

beforeAll(async () => {
    scheduled = await Scheduled.start(4);
    ({ sandbox } = scheduled);
    plan = join(sandbox.directory, "plan.json");
    await scheduled.patch(1, "2026-11-21T04:12:00Z");
    // The best node by an hour; the scheduled run will be on this very one.
    await scheduled.patch(2, "2026-11-21T05:12:00Z");
}, 10 * MINUTE);
afterAll(() => scheduled?.sandbox.stop());

async function cordon(indexes: number[], unschedulable: true | null): Promise<void> {
    const names = indexes.map((index) => scheduled.vm(index).nodeName);
    await Promise.all(names.map((name) => patchNode(sandbox.nodes.api, name, { spec: { unschedulable } })));
}

/** A volume for the state, as an administrator makes it; the state is then kept in the sandbox's own folder. */
async function addStateClaim(): Promise<void> {
    const { core } = sandbox.nodes.api;
    const size = { accessModes: ["ReadWriteOnce"], storageClassName: "" };
    const spec = { ...size, capacity: { storage: "1Gi" }, hostPath: { path: "/state" } };
    await core.createPersistentVolume({ body: { metadata: { name: "state" }, spec } });
    const claim = { ...size, volumeName: "state", resources: { requests: { storage: "1Gi" } } };
    const body = { metadata: { name: "state" }, spec: claim };
    await core.createNamespacedPersistentVolumeClaim({ namespace: NAMESPACE, body });
}

test("npm run preview says with its exit code that a bump is pending, and changes nothing", async () => {
    const before = scheduled.image();
    sandbox.azure.requests.clear();
    const [report, summary] = ["report.md", "summary.md"].map((name) => join(sandbox.directory, name));
    const flags = ["--report", report, "--save-plan", plan];
    const { exitCode, all } = await scheduled.npm("preview", scheduled.prod, flags, { GITHUB_STEP_SUMMARY: summary });
    expect(exitCode, all).toBe(2);
    expect(all).toContain("2026.1120.0412 → **2026.1121.0512**");
    expect(readFileSync(report, "utf8")).toMatch(/^## prod: a bump of pool1 is pending\n\n\| pool .*```diff\n.*```\n/s);
    expect(readFileSync(summary, "utf8")).toBe(readFileSync(report, "utf8"));
    expect(scheduled.image()).toBe(before);
    expect(sandbox.azure.requests.writes()).toEqual([]);
});

test("a few lines of config, on a separate stack, turn it on", async () => {
    // Only the best node takes pods for the time being.
    await cordon([0, 1, 3], true);
    schedule = await scheduled.turnOn("prod-schedule", { cron: "* * * * *" });
    await addStateClaim();
    expect((await schedule.preview()).orFail().changes).toEqual([]);
});

test("at its time the controller makes a Job; while it runs no second run starts, and it takes another node than its own", async () => {
    const job = await waitFor("the CronJob's Job", async () => (await scheduled.jobs())[0], 2 * MINUTE);
    pod = await scheduled.podOf(job.metadata?.name ?? "");
    const [own, other] = [scheduled.vm(2), scheduled.vm(1)];
    expect(pod.spec?.nodeName).toBe(own.nodeName);
    await cordon([0, 1, 3], null);
    const letGo = await scheduled.holdUp(other);
    sandbox.azure.requests.clear();
    const running = await scheduled.run(pod);
    await scheduled.captureOf(other, running);

    await othersAreRefused(pod.metadata?.name ?? "");

    await letGo();
    const { exitCode, output } = await running.ended;
    expect(exitCode, output).toBe(0);
    expect(scheduled.image()).toMatch(/2026\.1121\.0412$/);
    const started = sandbox.azure.requests.writes().filter(({ path }) => path.endsWith("/start"));
    expect(started.map(({ path }) => path.toLowerCase())).toEqual([`${other.id.toLowerCase()}/start`]);
    expect(await scheduled.holder()).toBeUndefined();
    expect(scheduled.stateLocks()).toEqual([]);
    const headline = "prod: a bump of pool1 is done";
    const reported = await scheduled.reported();
    expect(reported).toMatchObject({ exitCode: "0", mode: "up", pod: pod.metadata?.name, headline });
    expect(reported).not.toHaveProperty("lastError");
});

/** The controller's next Job, one made by hand, and a person's own run, while a capture is under way. */
async function othersAreRefused(holder: string): Promise<void> {
    const locks = scheduled.stateLocks();
    expect(locks).toHaveLength(1);

    const byHand = await (await scheduled.startJob("by-hand")).ended;
    expect(byHand.exitCode).toBe(1);
    expect(byHand.output).toContain(`another run is under way: pod kamino/${holder} since 20`);
    const { lastError, lastErrorAt, ...report } = await scheduled.reported();
    expect(lastError).toContain(`another run is under way: pod kamino/${holder} since 20`);
    expect(Date.parse(lastErrorAt)).toBeGreaterThan(0);
    expect(report).toEqual({});

    const person = await scheduled.npm("up", scheduled.prod);
    expect(person.exitCode, person.all).toBe(1);
    expect(person.all).toMatch(/prod: up failed.*the stack's state is locked by \S+ \(pid \d+\) since/s);
    expect(scheduled.stateLocks()).toEqual(locks);

    // The next minute has come, and the controller has seen that this Job is not done.
    await waitFor(
        "the controller to refuse a second Job",
        async () => {
            const { items } = await sandbox.nodes.api.core.listNamespacedEvent({ namespace: NAMESPACE });
            return items.find(({ reason }) => reason === "JobAlreadyActive");
        },
        2 * MINUTE,
    );
    expect(await scheduled.jobs()).toHaveLength(1);
    expect(await scheduled.holder()).toBe(holder);
}

test("its account can change neither its own rights nor its schedule, and reads no secret", async () => {
    const config = new KubeConfig();
    const user = { name: "run", token: await tokenOf(sandbox, pod) };
    config.loadFromClusterAndUser(sandbox.nodes.api.config.getCurrentCluster()!, user);
    const may = async (verb: string, group: string, resource: string, namespace?: string) => {
        const resourceAttributes = { verb, group, resource, ...(namespace && { namespace }) };
        const review = { spec: { resourceAttributes } };
        const answer = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({ body: review });
        return answer.status?.allowed;
    };
    expect(await may("patch", "", "nodes")).toBe(true);
    const rbac = "rbac.authorization.k8s.io";
    const forbidden: [string, string, string[]][] = [
        [rbac, NAMESPACE, ["roles", "rolebindings"]],
        [rbac, "", ["clusterroles", "clusterrolebindings"]],
        ["batch", NAMESPACE, ["cronjobs", "jobs"]],
        ["", NAMESPACE, ["secrets", "serviceaccounts", "pods/exec", "serviceaccounts/token"]],
        ["", "", ["namespaces"]],
    ];
    for (const [group, namespace, resources] of forbidden) {
        for (const resource of resources) {
            for (const verb of ["create", "update", "patch", "delete", "escalate", "bind", "impersonate"]) {
                expect(await may(verb, group, resource, namespace), `${verb} ${resource}`).toBe(false);
            }
        }
    }
    expect(await may("get", "", "secrets", NAMESPACE)).toBe(false);
    const api = config.makeApiClient(RbacAuthorizationV1Api);
    const rules = [{ op: "replace", path: "/rules", value: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] }];
    await expect(api.patchClusterRole({ name: "kamino-kamino", body: rules })).rejects.toMatchObject({ code: 403 });
});

test("a reviewed plan is obeyed: what has moved on since is not touched, and what has not is done", async () => {
    await noJobIsLeft();
    const [before, flags] = [scheduled.image(), ["--plan", plan]];
    const outdated = await scheduled.npm("up", scheduled.prod, flags);
    expect(outdated.exitCode, outdated.all).toBe(1);
    expect(outdated.all).toMatch(/violates plan/);
    expect(scheduled.image()).toBe(before);

    expect((await scheduled.npm("preview", scheduled.prod, ["--save-plan", plan])).exitCode).toBe(2);
    const done = await scheduled.npm("up", scheduled.prod, flags);
    expect(done.exitCode, done.all).toBe(0);
    expect(scheduled.image()).toMatch(/2026\.1121\.0512$/);
});

/** The pod of a later minute may be on the very node that is captured next, and would lose its emptyDir. */
async function noJobIsLeft(): Promise<void> {
    await scheduled.suspend();
    for (const { metadata } of await scheduled.jobs()) {
        const at = { name: metadata?.name ?? "", namespace: NAMESPACE };
        await scheduled.batch.deleteNamespacedJob({ ...at, propagationPolicy: "Foreground" });
    }
    await waitFor("the Jobs to go", async () => ((await scheduled.jobs()).length === 0 ? true : undefined));
}

test("when nothing is pending, a preview says so with exit code 0", async () => {
    const { exitCode, all } = await scheduled.npm("preview", scheduled.prod);
    expect(exitCode, all).toBe(0);
    expect(all).toContain("## prod: nothing to do");
});

test("a change of the stack's settings reaches the next run with the next up of the schedule, which leaves the last report", async () => {
    const { core } = sandbox.nodes.api;
    const settings = async () =>
        (await core.readNamespacedConfigMap({ name: "kamino-settings", namespace: NAMESPACE })).data;
    const reported = await scheduled.reported();
    await scheduled.prod.configure({ maxHistory: 5 });
    expect((await settings())?.["settings.yaml"]).not.toContain("maxHistory");
    const { exitCode, all } = await scheduled.npm("up", schedule);
    expect(exitCode, all).toBe(0);
    expect((await settings())?.["settings.yaml"]).toContain("kamino:maxHistory: 5");
    expect(await scheduled.reported()).toEqual(reported);
});
