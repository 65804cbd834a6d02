// What the product's own schedule puts into Kubernetes, judged by the pack.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Schedule } from "../../components/schedule/schedule";
import { readSchedule } from "../../components/schedule/settings";
import { SCHEDULE_KINDS } from "../../policies/knownTypes";
import { Pack, type Resource } from "./pack";

const directory = mkdtempSync(join(tmpdir(), "kamino policies "));
const declared: Resource[] = [];
let pack: Pack;

beforeAll(async () => {
    pack = await Pack.start();
    await pulumi.runtime.setMocks({
        newResource: ({ type, name, inputs }) => {
            declared.push({ type, name, inputs: inputs as object });
            return { id: name, state: inputs as object };
        },
        call: () => ({}),
    });
    const settingsFile = join(directory, "Pulumi.prod.yaml");
    const provider = "secretsprovider: azurekeyvault://v.vault.azure.net/keys/k\n";
    writeFileSync(settingsFile, `${provider}config:\n  kamino:resourceGroup: rg\n`);
    const id = "00000000-0000-4000-8000-000000000001";
    const settings = readSchedule(
        {
            stack: "prod",
            image: "ghcr.io/example/kamino:0.1.0",
            settingsFile,
            backendUrl: "azblob://state?storage_account=s",
            azure: { subscriptionId: id, tenantId: id, clientId: id },
        },
        { key: "kamino:schedule", ownStack: "prod-schedule", project: "kamino" },
    );
    await pulumi.runtime.runInPulumiStack(() => Promise.resolve(new Schedule("kamino", settings)));
});
afterAll(async () => {
    await pack.stop();
    rmSync(directory, { recursive: true, force: true });
});

it("the schedule's CronJob and every role of it pass all policies", async () => {
    const kinds = declared.map(({ type }) => type.split(":").at(-1));
    expect(kinds).toEqual(expect.arrayContaining(["CronJob", "ClusterRole", "Role"]));
    for (const resource of declared) {
        expect(await pack.check(resource), `${resource.type} ${resource.name}`).toEqual([]);
    }
});

it("the kinds that it consists of are known, and no others", () => {
    const kinds = declared.map(({ type }) => type).filter((type) => type.startsWith("kubernetes:"));
    expect([...new Set(kinds)].sort()).toEqual([...SCHEDULE_KINDS].sort());
});
