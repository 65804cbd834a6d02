// What the schedule declares in Kubernetes, by Pulumi's mocks.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isRun, podOf, podSecurity, type PodSecurityLevel } from "../../../components/capture/pods";
import { machinePoolGateRules } from "../../../components/schedule/permissions";
import { Schedule } from "../../../components/schedule/schedule";
import { readSchedule } from "../../../components/schedule/settings";

interface Declared {
    kind: string;
    inputs: {
        metadata?: { name: string; namespace?: string; labels?: Record<string, string> };
        rules?: object[];
        spec?: Record<string, unknown>;
        subjects?: { name: string; namespace: string }[];
    };
}

const directory = mkdtempSync(join(tmpdir(), "kamino-test-"));
const declared: Declared[] = [];
/** What a schedule declares whose nodes are in another cluster, a workload cluster of this one. */
const ofWorkload: Declared[] = [];
/** What schedules of stacks declare that only copy disks, only capture in place, or have pools of both kinds. */
const byCapture: Record<string, Declared[]> = {};

beforeAll(async () => {
    await pulumi.runtime.setMocks({
        newResource: ({ type, name, inputs }) => {
            declared.push({ kind: type.split(":").at(-1) ?? "", inputs: inputs as Declared["inputs"] });
            return { id: name, state: inputs as object };
        },
        call: () => ({}),
    });
    const settingsFile = join(directory, "Pulumi.prod.yaml");
    writeFileSync(settingsFile, "secretsprovider: azurekeyvault://v/k\nconfig:\n  kamino:resourceGroup: rg\n");
    const workload = join(directory, "Pulumi.workload.yaml");
    writeFileSync(
        workload,
        "secretsprovider: azurekeyvault://v/k\nconfig:\n  kamino:capi: { workloadCluster: capi/c1 }\n  kamino:pools: [{ machinePool: capi/mp1 }]\n",
    );
    const id = "00000000-0000-4000-8000-000000000001";
    const least = { stack: "prod", image: "kamino:1", settingsFile, backendUrl: "azblob://state?storage_account=s" };
    const azure = { subscriptionId: id, tenantId: id, clientId: id };
    const read = (namespace: string, more: object = {}) =>
        readSchedule(
            { ...least, azure, namespace, timeZone: "Europe/Berlin", ...more },
            { key: "kamino:schedule", ownStack: "s", project: "kamino" },
        );
    const schedules = ["one", "two"].map((namespace) => new Schedule(namespace, read(namespace)));
    // The CronJob is declared last.
    const isDone = (those: Schedule[]) =>
        new Promise((done) => pulumi.all(those.map(({ cronJob }) => cronJob)).apply(done));
    await isDone(schedules);
    const before = declared.length;
    const placement = {
        imagePullSecret: "registry",
        nodeSelector: { agentpool: "system", "kubernetes.io/os": "windows" },
        tolerations: [{ key: "CriticalAddonsOnly", operator: "Exists" }],
    };
    await isDone([new Schedule("three", read("three", { settingsFile: workload, ...placement }))]);
    ofWorkload.push(...declared.splice(before));
    const pools = "kamino:pools: [{ scaleSet: a, capture: copy }, { scaleSet: b, capture: in-place }]";
    const stacks = { copy: "kamino:capture: copy", "in place": "kamino:capture: in-place", both: pools };
    for (const [name, config] of Object.entries(stacks)) {
        const file = join(directory, `Pulumi.${name}.yaml`);
        writeFileSync(file, `secretsprovider: azurekeyvault://v/k\nconfig:\n  kamino:resourceGroup: rg\n  ${config}\n`);
        await isDone([new Schedule(name, read("four", { settingsFile: file }))]);
        byCapture[name] = declared.splice(before);
    }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Resources are declared as their dependencies allow. */
const byPlace = ({ inputs: { metadata: a } }: Declared, { inputs: { metadata: b } }: Declared) =>
    `${a?.namespace}/${a?.name}`.localeCompare(`${b?.namespace}/${b?.name}`);
const of = (kind: string) => declared.filter((one) => one.kind === kind).map(({ inputs }) => inputs);

test("two schedules in one cluster share the capture namespace, which is nobody's own, and nothing else", () => {
    const names = declared.map(({ kind, inputs: { metadata } }) =>
        [kind, metadata?.namespace, metadata?.name].join(" "),
    );
    const twice = names.filter((name, index) => names.indexOf(name) !== index && !name.startsWith("Schedule"));
    expect(twice).toEqual(["Namespace  kamino-capture"]);
    const shared = of("Namespace").filter(({ metadata }) => metadata?.name === "kamino-capture");
    expect(shared[0]).toEqual(shared[1]);
    expect(shared[0].metadata?.labels).not.toHaveProperty("app.kubernetes.io/instance");
    for (const { metadata, subjects } of of("RoleBinding")) {
        const shared = ["kamino-capture", "default"].includes(metadata?.namespace ?? "");
        const owner = shared ? metadata?.name.split("-")[0] : metadata?.namespace;
        expect(subjects).toMatchObject([{ name: "kamino", namespace: owner }]);
    }
});

test.each([
    ["copy", "baseline"],
    ["in place", "privileged"],
    ["both", "privileged"],
])("the capture namespace of a stack that captures by %s allows pods that are %s", (name, level) => {
    const namespaces = byCapture[name].filter(({ kind }) => kind === "Namespace").map(({ inputs }) => inputs.metadata);
    const labels = (of: string) => namespaces.find((one) => one?.name === of)?.labels;
    expect(labels("kamino-capture")).toMatchObject({ ...podSecurity(level as PodSecurityLevel) });
    expect(labels("four")).toMatchObject(podSecurity("restricted"));
    // Where nothing says which way it is, it may be either.
    expect(of("Namespace").find(({ metadata }) => metadata?.name === "kamino-capture")?.metadata?.labels).toMatchObject(
        podSecurity("privileged"),
    );
});

test("of a schedule one Job runs at a time, stops by itself before Kubernetes deletes it, has time to restore a node, and is not tried again", () => {
    expect(of("CronJob")[0].spec).toMatchObject({
        ...{ schedule: "0 4 * * *", timeZone: "Europe/Berlin", suspend: false, concurrencyPolicy: "Forbid" },
        ...{ startingDeadlineSeconds: 14_400, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 7 },
        jobTemplate: {
            spec: {
                ...{ backoffLimit: 0, activeDeadlineSeconds: 600 + 28_800 + 3600 },
                template: {
                    spec: {
                        ...{ restartPolicy: "Never", terminationGracePeriodSeconds: 3600 },
                        containers: [
                            {
                                env: expect.arrayContaining([
                                    { name: "KAMINO_STOP_AFTER", value: "28800" },
                                ]) as object[],
                            },
                        ],
                    },
                },
            },
        },
    });
});

test("the pod of a schedule is known as a run by captures of other stacks, and that of a capture is not", () => {
    const { template } = (of("CronJob")[0].spec as { jobTemplate: { spec: { template: V1Pod } } }).jobTemplate.spec;
    expect(isRun(template)).toBe(true);
    const place = { name: "c", namespace: "kamino-capture" };
    expect(isRun(podOf(place, { node: "n", version: "1.2.3" }, { activeDeadlineSeconds: 1, containers: [] }))).toBe(
        false,
    );
});

test("a schedule's pod runs on any Linux node, or where its settings say, by a secret of the registry", () => {
    const specOf = ({ inputs }: Declared) =>
        (inputs.spec as { jobTemplate: { spec: { template: { spec: object } } } }).jobTemplate.spec.template.spec;
    const [plain, placed] = [declared, ofWorkload].map((all) => specOf(all.find(({ kind }) => kind === "CronJob")!));
    expect(plain).toMatchObject({ nodeSelector: { "kubernetes.io/os": "linux" } });
    expect(plain).not.toHaveProperty("tolerations");
    expect(plain).not.toHaveProperty("imagePullSecrets");
    expect(placed).toMatchObject({
        imagePullSecrets: [{ name: "registry" }],
        nodeSelector: { agentpool: "system", "kubernetes.io/os": "linux" },
        tolerations: [{ key: "CriticalAddonsOnly", operator: "Exists" }],
    });
});

test("a schedule in the management cluster may read the workload cluster's kubeconfig, and has no right to nodes there", () => {
    const roles = ofWorkload.filter(({ kind }) => /Role$/.test(kind)).sort(byPlace);
    expect(roles.map(({ kind, inputs: { metadata } }) => `${kind} ${metadata?.namespace}/${metadata?.name}`)).toEqual([
        "Role capi/three-kamino-c1",
        "Role capi/three-kamino-pools",
        "Role three/kamino",
        "ClusterRole undefined/three-kamino-pools-gate",
    ]);
    // A schedule without MachinePools has nothing to do with CAPZ.
    expect(of("ClusterRole").map(({ metadata }) => metadata?.name)).toEqual(["one-kamino", "two-kamino"]);
    const binding = ofWorkload.find(({ kind }) => kind === "ClusterRoleBinding");
    expect(binding?.inputs).toMatchObject({ subjects: [{ name: "kamino", namespace: "three" }] });
    expect(roles[3].inputs.rules).toEqual(machinePoolGateRules);
    expect(roles[0].inputs.rules).toEqual([
        { apiGroups: [""], resources: ["secrets"], resourceNames: ["c1-kubeconfig"], verbs: ["get"] },
    ]);
    const namespaces = ofWorkload.filter(({ kind }) => kind === "Namespace");
    expect(namespaces.map(({ inputs: { metadata } }) => metadata?.name)).toEqual(["three"]);
});
