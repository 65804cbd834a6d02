// The one object that turns the schedule on.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { DISCARD_LIMIT } from "../../../components/capture/copy/run";
import { RESTORE_LIMIT } from "../../../components/capture/steps";
import { readSchedule } from "../../../components/schedule/settings";
import { stackSettings } from "../../../components/schedule/stackSettings";

const directory = mkdtempSync(join(tmpdir(), "kamino-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const settingsFile = join(directory, "Pulumi.prod.yaml");
writeFileSync(
    settingsFile,
    "secretsprovider: azurekeyvault://v.vault.azure.net/keys/k\nconfig:\n  kamino:resourceGroup: rg\n",
);
const withPassphrase = join(directory, "Pulumi.salted.yaml");
writeFileSync(withPassphrase, "encryptionsalt: v1:x\n");

const uuid = "00000000-0000-4000-8000-000000000001";
const least = {
    ...{
        stack: "prod",
        image: "ghcr.io/example/kamino:0.1.0",
        settingsFile,
        backendUrl: "azblob://state?storage_account=s",
    },
    azure: { subscriptionId: uuid, tenantId: uuid, clientId: uuid },
};
const read = (change: object = {}) =>
    readSchedule({ ...least, ...change }, { key: "kamino:schedule", ownStack: "prod-schedule", project: "kamino" });

test("a few lines are enough", () => {
    expect(read()).toMatchObject({
        ...{ name: "kamino", cron: "0 4 * * *", timeZone: "Etc/UTC", mode: "up", suspend: false, namespace: "kamino" },
        ...{
            startingDeadlineSeconds: 14_400,
            activeDeadlineSeconds: 28_800,
            terminationGracePeriodSeconds: 3600,
            keepSucceeded: 3,
            keepFailed: 7,
        },
        stackSettings: {
            ...{ needsPassphrase: false, captureNamespaces: ["kamino-capture"], force: false },
            machinePoolNamespaces: [],
        },
    });
});

test("a volume for the state needs no URL", () => {
    expect(read({ backendUrl: undefined, stateClaim: "state" }).backendUrl).toBe("file:///var/lib/kamino/state");
});

describe("refused in one line that names the key", () => {
    test.each([
        [{ crom: "x" }, "kamino:schedule.crom is not a known key; did you mean cron?"],
        [{ foo: "x" }, "kamino:schedule.foo is not a known key; the keys are"],
        [{ stack: undefined }, "kamino:schedule.stack is missing"],
        [{ stack: "prod-schedule" }, "kamino:schedule.stack must be another stack"],
        [{ image: undefined }, "kamino:schedule.image is missing"],
        [{ image: "kamino" }, "kamino:schedule.image must be a container image with a tag"],
        [{ cron: "every day" }, "kamino:schedule.cron must be a cron expression"],
        [{ timeZone: "Mars/Olympus" }, "kamino:schedule.timeZone must be a time zone"],
        [{ mode: "destroy" }, "kamino:schedule.mode must be up or preview"],
        [{ name: "Kamino" }, "kamino:schedule.name must be a name of at most 40"],
        [{ activeDeadline: "8 hours" }, "kamino:schedule.activeDeadline must be a duration"],
        [{ settingsFile: "Pulumi.no.yaml" }, "kamino:schedule.settingsFile: there is no Pulumi.no.yaml"],
        [{ backendUrl: "file:///state" }, "kamino:schedule.backendUrl must be a state backend that outlives the pod"],
        [{ azure: undefined }, "kamino:schedule.azure is missing"],
        [{ azure: { subscriptionId: uuid } }, "kamino:schedule.azure.tenantId is missing"],
        [{ azure: { subscriptionId: "x" } }, "kamino:schedule.azure.subscriptionId must be a UUID"],
        [{ azure: { subscriptionId: uuid, tenantId: uuid } }, "kamino:schedule.azure.clientId is missing"],
        [{ settingsFile: withPassphrase }, "kamino:schedule.environmentSecret is missing"],
        [{ environment: { ARM_CLIENT_SECRET: "x" } }, "put it into the Secret that environmentSecret names"],
        [{ environment: { OTEL_EXPORTER_OTLP_HEADERS: "x" } }, "without OTEL_EXPORTER_OTLP_HEADERS: put it into"],
        [{ environment: { KAMINO_METRICS_PUSH: "http://a:b@push" } }, "without KAMINO_METRICS_PUSH: put it into"],
        [{ imagePullSecret: "Registry" }, "kamino:schedule.imagePullSecret must be a name of at most 63"],
        [{ nodeSelector: ["a"] }, "kamino:schedule.nodeSelector must be an object of labels"],
        [{ nodeSelector: { "a b": "c" } }, "kamino:schedule.nodeSelector must be an object of labels"],
        [{ nodeSelector: { a: "b c" } }, "kamino:schedule.nodeSelector.a must be a label's value"],
        [{ tolerations: { key: "a" } }, "kamino:schedule.tolerations must be a list"],
        [{ tolerations: [{ kee: "a" }] }, "kamino:schedule.tolerations[0].kee is not a known key; did you mean key?"],
        [
            { tolerations: [{ key: "a", operator: "Is" }] },
            "kamino:schedule.tolerations[0].operator must be Equal or Exists",
        ],
        [{ tolerations: [{ value: "a" }] }, "kamino:schedule.tolerations[0].key is missing"],
        [{ resources: { memory: "a lot" } }, "kamino:schedule.resources.memory must be a quantity"],
    ])("%j", (change, message) => {
        expect(() => read(change)).toThrow(message);
        expect(() => read(change)).not.toThrow("\n");
    });
});

const settingsWith = (name: string, config: string) => {
    const file = join(directory, `Pulumi.${name}.yaml`);
    writeFileSync(file, `secretsprovider: azurekeyvault://v/k\nconfig:\n  kamino:capture: ${config}\n`);
    return file;
};

test("a stopped run has the time that restoring a node, or removing a copy, may take, with room for what is tried again", () => {
    const room = 5 * 60;
    expect(read().terminationGracePeriodSeconds).toBeGreaterThanOrEqual(RESTORE_LIMIT / 1000 + room);
    expect(read().terminationGracePeriodSeconds).toBeGreaterThanOrEqual(DISCARD_LIMIT / 1000 + room);
    for (const file of ["up.yaml", "preview.yaml"]) {
        const text = readFileSync(join(__dirname, "..", "..", "..", "deploy", "operator", file), "utf8");
        expect(text).toContain(`terminationGracePeriodSeconds: ${read().terminationGracePeriodSeconds}\n`);
    }
});

test("too little time to restore a node is refused where one may be captured in place, with the way out, and nowhere else", () => {
    const inPlace = settingsWith("in-place", "in-place");
    const line =
        "kamino:schedule.gracePeriod must be 20m at the very least where a disk may be captured in place; restoring its node takes up to 52 minutes: " +
        "leave it out (60m), or set kamino:capture to copy in the stack that is to run";
    for (const change of [{ settingsFile: inPlace }, {}]) {
        expect(() => read({ gracePeriod: "19m", ...change })).toThrow(line);
        expect(read({ gracePeriod: "20m", ...change }).terminationGracePeriodSeconds).toBe(1200);
        expect(read({ gracePeriod: "1m", mode: "preview", ...change }).terminationGracePeriodSeconds).toBe(60);
    }
    expect(read({ gracePeriod: "1m", settingsFile: settingsWith("copy", "copy") }).terminationGracePeriodSeconds).toBe(
        60,
    );
});

test("where metrics and traces go is plain environment", () => {
    const environment = {
        KAMINO_METRICS_PUSH: "http://pushgateway.monitoring:9091/a@b:c",
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.monitoring:4318",
    };
    expect(read({ environment }).environment).toEqual(environment);
});

test("a secret is never quoted in a refusal", () => {
    expect(() => read({ environment: { ARM_CLIENT_SECRET: "hunter2" } })).not.toThrow("hunter2");
});

test("the run's settings are the stack's, without what holds on one machine only", () => {
    const { text } = stackSettings(
        "secretsprovider: azurekeyvault://v/k\nconfig:\n  kamino:kubeconfig: /home/ann/.kube/config\n  kamino:context: c\n  kamino:maxHistory: 4\n",
        "kamino",
    );
    expect(text).toBe("secretsprovider: azurekeyvault://v/k\nconfig:\n  kamino:maxHistory: 4\n");
});

test("the pools' own capture namespaces and force count, the shared ones only where a pool has none", () => {
    const pools = "kamino:pools: [{ scaleSet: a }, { scaleSet: b, captureNamespace: own, force: true }]";
    expect(stackSettings(`config:\n  ${pools}\n`, "kamino")).toMatchObject({
        captureNamespaces: ["kamino-capture", "own"],
        force: true,
        machinePoolNamespaces: [],
    });
});

test.each([
    ["", ["copy", "in-place"], ["kured"]],
    ["kamino:capture: copy\n  kamino:kuredDaemonSet: ops/kured-main", ["copy"], ["kured-main"]],
    [
        "kamino:capture: in-place\n  kamino:pools: [{ scaleSet: a, kuredDaemonSet: ops/b }, {}]",
        ["in-place"],
        ["b", "kured"],
    ],
    ["kamino:pools: [{ capture: copy }, { capture: in-place }]", ["copy", "in-place"], ["kured"]],
    ["kamino:pools: [{ capture: copy }, {}]", ["copy", "in-place"], ["kured"]],
])("of the ways to capture and the DaemonSets those count that a pool may come to: %j", (config, modes, daemonSets) => {
    expect(stackSettings(`config:\n  ${config}\n`, "kamino")).toMatchObject({
        captureModes: modes,
        kuredDaemonSets: daemonSets,
    });
});

test("the namespaces of MachinePools count, each once, and another management cluster is refused", () => {
    const pools = "kamino:pools: [{ machinePool: b/x }, { scaleSet: a }, { machinePool: a/x }, { machinePool: b/y }]";
    const settings = (more = "") => stackSettings(`config:\n  ${pools}\n${more}`, "kamino", "Pulumi.prod.yaml");
    expect(settings().machinePoolNamespaces).toEqual(["a", "b"]);
    expect(settings("  kamino:capi: {}\n").machinePoolNamespaces).toEqual(["a", "b"]);
    expect(() => settings("  kamino:capi: { context: management }\n")).toThrow(
        "kamino:capi in Pulumi.prod.yaml: a scheduled run reaches pools of Cluster API in the cluster that it runs in alone",
    );
    expect(settings("  kamino:capi: { workloadCluster: b/c1 }\n").workloadCluster).toEqual({
        namespace: "b",
        name: "c1",
    });
    expect(() => settings("  kamino:capi: { workloadCluster: c1 }\n")).toThrow(
        'kamino:capi.workloadCluster must be a Cluster as NAMESPACE/NAME, not "c1"',
    );
    expect(() => settings("  kamino:capi: { workloadCluster: b/c1, context: management }\n")).toThrow(
        "take kubeconfig and context out of the key",
    );
});
