// What the schedule declares in Kubernetes, by Pulumi's mocks.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Schedule } from "../../../components/schedule/schedule";
import { readSchedule } from "../../../components/schedule/settings";

interface Declared {
    kind: string;
    inputs: {
        metadata?: { name: string; namespace?: string; labels?: Record<string, string> };
        spec?: Record<string, unknown>;
        subjects?: { name: string; namespace: string }[];
    };
}

const directory = mkdtempSync(join(tmpdir(), "kamino-test-"));
const declared: Declared[] = [];

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
    const id = "00000000-0000-4000-8000-000000000001";
    const least = { stack: "prod", image: "kamino:1", settingsFile, backendUrl: "azblob://state?storage_account=s" };
    const azure = { subscriptionId: id, tenantId: id, clientId: id };
    const read = (namespace: string) =>
        readSchedule(
            { ...least, azure, namespace, timeZone: "Europe/Berlin" },
            { key: "kamino:schedule", ownStack: "s", project: "kamino" },
        );
    const schedules = ["one", "two"].map((namespace) => new Schedule(namespace, read(namespace)));
    // The CronJob is declared last.
    await new Promise((done) => pulumi.all(schedules.map(({ cronJob }) => cronJob)).apply(done));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

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

test("of a schedule one Job runs at a time, with time for an image and to restore a node, and is not tried again", () => {
    expect(of("CronJob")[0].spec).toMatchObject({
        ...{ schedule: "0 4 * * *", timeZone: "Europe/Berlin", suspend: false, concurrencyPolicy: "Forbid" },
        ...{ startingDeadlineSeconds: 14_400, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 7 },
        jobTemplate: {
            spec: {
                ...{ backoffLimit: 0, activeDeadlineSeconds: 28_800 },
                template: { spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 1200 } },
            },
        },
    });
});
