// A real az against the local Azure: what a person types, from signing in to a new machine that starts from a new
// image.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAzure, type AzureSandbox, type ScaleSet, type Vm } from "../../sandbox/azure/index";

const AZ = resolve(__dirname, "../../.sandbox/venv/bin/az");
const GROUP = "az-rg";
const VERSION = "2026.1125.1200";
const run = promisify(execFile);

let directory: string;
let azure: AzureSandbox;
let pool: ScaleSet;
let donor: Vm;

beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "kamino az "));
    // az takes "Retry-After: 0" for nothing and waits for 30 seconds.
    azure = await startAzure({ directory: join(directory, "azure"), wholeSeconds: true });
    pool = await azure.createScaleSet({ name: "pool1", resourceGroup: GROUP, capacity: 2 });
    [donor] = azure.vms(pool.id);
});
afterAll(async () => {
    await azure?.stop();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

/** What a command prints as JSON; undefined if it prints nothing. Throws with what az says. */
async function az<T = unknown>(...words: string[]): Promise<T> {
    const env = {
        PATH: process.env.PATH,
        HOME: directory,
        AZURE_CONFIG_DIR: join(directory, "config"),
        AZURE_CORE_COLLECT_TELEMETRY: "false",
        AZURE_CORE_ONLY_SHOW_ERRORS: "true",
        // The local Azure is not among the login hosts that Microsoft knows.
        AZURE_CORE_INSTANCE_DISCOVERY: "false",
        REQUESTS_CA_BUNDLE: azure.caFile,
        NO_PROXY: "localhost",
    };
    const { stdout } = await run(AZ, [...words, "--output", "json"], { env, maxBuffer: 16 * 1024 * 1024 });
    return (stdout.trim() === "" ? undefined : JSON.parse(stdout)) as T;
}

const inGroup = ["--resource-group", GROUP];
const inSet = () => [...inGroup, "--name", pool.name];
const inGallery = [...inGroup, "--gallery-name", "kamino"];
const ofImage = [...inGallery, "--gallery-image-definition", "pool1"];

test("signs in as a service principal to a cloud that was registered", async () => {
    const { url } = azure;
    const endpoints = [
        "resource-manager",
        "management",
        "gallery",
        "active-directory",
        "active-directory-graph-resource-id",
    ];
    const flags = endpoints.flatMap((name) => [`--endpoint-${name}`, url]);
    const audience = ["--endpoint-active-directory-resource-id", "https://management.core.windows.net/"];
    await az("cloud", "register", "--name", "local", ...flags, ...audience);
    await az("cloud", "set", "--name", "local");
    const { clientId, secret = "" } = azure.principal;
    const login = [
        "login",
        "--service-principal",
        "--username",
        clientId,
        "--password",
        secret,
        "--tenant",
        azure.tenantId,
    ];
    expect(await az<object[]>(...login)).toMatchObject([
        { id: azure.subscriptionId, name: "kamino sandbox", state: "Enabled" },
    ]);
    expect(await az("group", "exists", "--name", GROUP)).toBe(true);
    expect(await az("group", "exists", "--name", "nowhere")).toBe(false);
});

test("shows a scale set and its machines", async () => {
    expect(await az("vmss", "show", ...inSet())).toMatchObject({
        sku: { capacity: 2 },
        provisioningState: "Succeeded",
    });
    const instances = await az<{ instanceId: string }[]>("vmss", "list-instances", ...inSet());
    expect(instances.map(({ instanceId }) => instanceId)).toEqual(["0", "1"]);
    const view = await az<{ statuses: { code: string }[] }>(
        "vmss",
        "get-instance-view",
        ...inSet(),
        "--instance-id",
        "0",
    );
    expect(view.statuses.map(({ code }) => code)).toEqual(["ProvisioningState/succeeded", "PowerState/running"]);
});

test("makes a gallery and a definition", async () => {
    expect(await az("sig", "create", ...inGallery)).toMatchObject({ provisioningState: "Succeeded" });
    const { identifier } = await az<{ identifier: { uniqueName: string } }>("sig", "show", ...inGallery);
    expect(identifier.uniqueName).toBe(`${azure.subscriptionId}-KAMINO`);
    const kind = ["--os-type", "Linux", "--os-state", "Generalized", "--hyper-v-generation", "V1"];
    const names = ["--publisher", "kamino", "--offer", "pool1", "--sku", "pool1"];
    await az("sig", "image-definition", "create", ...ofImage, ...kind, ...names);
    const all = await az<{ name: string }[]>("sig", "image-definition", "list", ...inGallery);
    expect(all.map(({ name }) => name)).toEqual(["pool1"]);
    await expect(az("sig", "create", ...inGroup, "--gallery-name", "with-dash")).rejects.toThrow("galleryName");
});

test("copies a machine's disk and makes an image version of the copy", async () => {
    clean(donor);
    await azure.stopVmFromInside(donor.id);
    const snapshot = [
        "snapshot",
        "create",
        ...inGroup,
        "--name",
        "copy",
        "--source",
        donor.osDiskId,
        "--incremental",
        "true",
    ];
    expect(await az(...snapshot)).toMatchObject({ diskState: "Unattached", incremental: true });
    await azure.startVm(donor.id);
    expect(await az("disk", "create", ...inGroup, "--name", "copy", "--source", "copy")).toMatchObject({
        diskSizeGB: 30,
    });
    const version = [...ofImage, "--gallery-image-version", VERSION];
    await az("sig", "image-version", "create", ...version, "--os-snapshot", "copy");
    const all = await az<{ name: string }[]>("sig", "image-version", "list", ...ofImage);
    expect(all.map(({ name }) => name)).toEqual([VERSION]);
    expect(await az("sig", "image-version", "show", ...version)).toMatchObject({ provisioningState: "Succeeded" });
    await az("disk", "delete", ...inGroup, "--name", "copy", "--yes");
    await az("snapshot", "delete", ...inGroup, "--name", "copy");
});

test("points the model at the version, and the next machine starts from it", async () => {
    const id = `${pool.id.split("/virtualMachineScaleSets/")[0]}/galleries/kamino/images/pool1/versions/${VERSION}`;
    const change = `virtualMachineProfile.storageProfile.imageReference={"id":"${id}"}`;
    const extensions = "virtualMachineProfile.extensionProfile.extensions=[]";
    await az("vmss", "update", ...inSet(), "--set", change, extensions);
    expect(azure.vms(pool.id).map(({ power }) => power)).toEqual(["running", "running"]);
    await az("vmss", "scale", ...inSet(), "--new-capacity", "3");
    const made = azure.vms(pool.id)[2];
    expect(made).toMatchObject({ joined: true, bootstrapRan: false });
    const instances = await az<{ storageProfile: { imageReference: { exactVersion: string } } }[]>(
        "vmss",
        "list-instances",
        ...inSet(),
    );
    expect(instances.map(({ storageProfile }) => storageProfile.imageReference.exactVersion)).toEqual([
        "2023.08.25",
        "2023.08.25",
        VERSION,
    ]);
});

/** What a cleaning script does to a disk. */
function clean(vm: Vm): void {
    const at = (path: string) => join(vm.diskDirectory, path);
    for (const file of ["etc/machine-id", "etc/hostname"]) {
        writeFileSync(at(file), "");
    }
    for (const folder of ["var/lib/waagent/history", "var/lib/waagent/events", "var/log/journal", "var/lib/cloud"]) {
        for (const name of readdirSync(at(folder))) {
            rmSync(join(at(folder), name), { recursive: true });
        }
    }
}
