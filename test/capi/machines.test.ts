// A MachineDeployment of Cluster API through the whole program, with the real managers of Cluster API and CAPZ: adopt,
// bump, scale out, pin, somebody else's template, what is refused, and templates that nothing refers to.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Vm } from "../../sandbox/azure";
import { GROUP, type ClusterApi } from "../../sandbox/capi";
import type { Stack } from "../../sandbox/engine/stack";
import type { Sandbox } from "../../sandbox/sandbox";
import { changesIn, lineOf } from "../stack/support/pools";
import { npmRunStatus } from "../stack/support/scripts";
import { imagesOfVms } from "./images";
import { imageEvents, machinesStack, startBed, type Bed } from "./support";

const MONDAY = "2026.1116.0412";
const TUESDAY = "2026.1117.0412";
const WEDNESDAY = "2026.1118.0412";
const THURSDAY = "2026.1119.0412";
const NAME = "md1";
const named = (version: string) => `${NAME}-${version}`;

let bed: Bed;
let sandbox: Sandbox;
let capi: ClusterApi;
let stack: Stack;

beforeAll(async () => {
    bed = await startBed({ pools: [] });
    ({ sandbox, capi } = bed);
    await capi.deployments.create({ name: NAME, replicas: 2, bootstrap: "secret", failureDomain: "1" });
    stack = await machinesStack(sandbox, { machineDeployment: `default/${NAME}` });
}, 600_000);
afterAll(() => bed?.stop());

/** Name of the template that the deployment refers to. */
async function template(): Promise<string> {
    const { spec } = await capi.objects.get("MachineDeployment", NAME);
    return (spec as { template: { spec: { infrastructureRef: { name: string } } } }).template.spec.infrastructureRef
        .name;
}

interface MachineSpec {
    vmSize: string;
    image: { computeGallery?: { version: string } };
}

async function machineSpec(name: string): Promise<MachineSpec> {
    const { spec } = await capi.objects.get("AzureMachineTemplate", name);
    return (spec as { template: { spec: MachineSpec } }).template.spec;
}

const templates = async () =>
    (await capi.objects.list("AzureMachineTemplate")).map(({ metadata }) => metadata.name).sort();
const vms = () => capi.deployments.vms(NAME);
const names = () => vms().map(({ instanceId }) => instanceId);

async function reboot({ nodeName }: Vm, at: string): Promise<void> {
    expect(await sandbox.nodes.patchAndReboot(nodeName, { at: new Date(at), utcOffsetMinutes: 0 })).toBe("freed");
}

/** Only the captures' own disks and snapshots are deleted, and only by the program. */
const deletedMachines = () => capi.deletions().filter(({ path }) => /virtualMachines\/[^/]+$/.test(path));

async function up(): Promise<void> {
    (await stack.up("--skip-preview")).orFail();
}

test("before kured has rebooted a node the pool is as it was, and nothing is declared of it", async () => {
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, NAME)).toMatch(/^md1: unchanged, no image yet \(2 nodes: 2 without a reboot annotation\)/);
    expect(changesIn(preview).join("\n")).not.toMatch(/InfrastructureRef|MachineTemplate/);
    expect(await templates()).toEqual([NAME]);
});

test("the first bump is a template and a reference, and CAPZ replaces no machine", async () => {
    const before = names();
    await reboot(vms()[0], "2026-11-16T04:12:00Z");
    const preview = (await stack.preview()).orFail();
    expect(lineOf(preview, NAME)).toMatch(/; new nodes still join by their own bootstrap, from the patched disk/);
    expect(changesIn(preview)).toEqual(
        expect.arrayContaining([`create MachineTemplate ${named(MONDAY)}`, `create InfrastructureRef ${NAME}`]),
    );
    await up();
    expect(await template()).toBe(named(MONDAY));
    const first = await machineSpec(NAME);
    expect(await machineSpec(named(MONDAY))).toEqual({
        ...first,
        image: {
            computeGallery: {
                subscriptionID: sandbox.azure.subscriptionId,
                ...{ resourceGroup: GROUP, name: `default.${NAME}`, version: MONDAY },
                gallery: expect.stringMatching(/^kamino_/) as string,
            },
        },
    });
    await capi.deployments.looksAfter(NAME, 3);
    expect(names()).toEqual(before);
    expect(deletedMachines()).toEqual([]);
    expect(changesIn((await stack.preview()).orFail())).toEqual([]);
});

test("a machine added now is made from it, and joins by itself", async () => {
    const before = names();
    await capi.deployments.scale(NAME, 3);
    const added = vms().find(({ instanceId }) => !before.includes(instanceId))!;
    expect(added).toMatchObject({ joined: true, bootedClean: true });
    expect((await imagesOfVms(sandbox, [added]))[added.instanceId]).toBe(MONDAY);
    expect(sandbox.nodes.patchLevel(added.nodeName)).toBe("2026-11-16");
});

test("the next bump is one line beside its template", async () => {
    await reboot(vms()[1], "2026-11-17T04:12:00Z");
    const preview = (await stack.preview("--diff")).orFail();
    expect(changesIn(preview)).toEqual(
        expect.arrayContaining([`create MachineTemplate ${named(TUESDAY)}`, `update InfrastructureRef ${NAME}`]),
    );
    const [, diff] = /InfrastructureRef: \(update\)([^]*?)\n {4}\S/.exec(preview.output) ?? [];
    expect(diff.match(/^ *[~+-] .*/gm)?.map((line) => line.trim().replace(/ +:/g, ":"))).toEqual([
        "~ infrastructureRef: {",
        `~ name: "${named(MONDAY)}" => "${named(TUESDAY)}"`,
    ]);
    const before = names();
    await up();
    expect(await template()).toBe(named(TUESDAY));
    await capi.deployments.looksAfter(NAME, 3);
    expect(names()).toEqual(before);
    expect(deletedMachines()).toEqual([]);
    expect(await imageEvents(bed, "MachineDeployment", NAME)).toEqual([
        `image of new machines: ${MONDAY} (AzureMachineTemplate ${named(MONDAY)})`,
        `image of new machines: ${MONDAY} → ${TUESDAY} (AzureMachineTemplate ${named(TUESDAY)})`,
    ]);
});

test("npm run status sees the machines, the image that each was made from, and nobody else's change", async () => {
    const { all, exitCode, pools } = await npmRunStatus(stack);
    expect(exitCode, all).toBe(0);
    const [{ images, nodes, attention }] = pools;
    expect(attention).toEqual([]);
    expect(images.find(({ image }) => image === MONDAY)).toMatchObject({ machines: 1, proof: "proven" });
    expect(images.find(({ current }) => current)).toMatchObject({ image: TUESDAY, machines: 0 });
    expect(nodes.map(({ name }) => name).sort()).toEqual(
        vms()
            .map(({ nodeName }) => nodeName)
            .sort(),
    );
});

test("a pin goes back to the image before, whose template is still there, and without it the pool goes on", async () => {
    const before = await templates();
    await stack.configure({ pools: [{ machineDeployment: `default/${NAME}`, pin: MONDAY }] });
    await up();
    expect(await template()).toBe(named(MONDAY));
    await stack.configure({ pools: [{ machineDeployment: `default/${NAME}` }] });
    await up();
    expect(await template()).toBe(named(TUESDAY));
    expect(await templates()).toEqual(before);
    expect(deletedMachines()).toEqual([]);
});

describe("somebody else's template", () => {
    test("with another image stops the run, which names the program, until the configuration decides", async () => {
        await capi.deployments.createTemplate("theirs", {
            changeTemplate: (spec) => (spec.vmSize = "Standard_D4s_v3"),
        });
        await capi.deployments.setTemplate(NAME, "theirs");
        const stopped = await stack.preview();
        expect(stopped.exitCode).not.toBe(0);
        expect(stopped.output).toMatch(
            /md1: image was changed from 2026\.1117\.0412 to \S+ since the last run \(last written by \S+ at \S+\)/,
        );
        expect(await template()).toBe("theirs");
    });

    test("is what the next one is made from: its VM size stays, with this stack's image", async () => {
        await stack.configure({ onForeignChange: "restore" });
        await up();
        const name = await template();
        expect(name).toMatch(new RegExp(`^${named(TUESDAY)}-[0-9a-f]{8}$`));
        expect(await machineSpec(name)).toMatchObject({
            vmSize: "Standard_D4s_v3",
            image: { computeGallery: { version: TUESDAY } },
        });
        expect(await templates()).toContain("theirs");
        expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    });

    test("may be accepted, and stays until there is a newer image", async () => {
        await stack.configure({ onForeignChange: "adopt" });
        await capi.deployments.setTemplate(NAME, "theirs");
        await up();
        expect(await template()).toBe("theirs");
        await reboot(vms()[2], "2026-11-18T04:12:00Z");
        await up();
        expect(await template()).toBe(named(WEDNESDAY));
        expect((await machineSpec(named(WEDNESDAY))).vmSize).toBe("Standard_D4s_v3");
        expect(deletedMachines()).toEqual([]);
    });
});

describe("a template whose image the stack keeps no more", () => {
    const ofTuesday = async () => (await templates()).filter((name) => name?.startsWith(named(TUESDAY)));

    test("stays while a MachineSet refers to it", async () => {
        const before = await ofTuesday();
        // With and without somebody else's VM size.
        expect(before).toHaveLength(2);
        await stack.configure({ maxHistory: 2 });
        await reboot(vms()[0], "2026-11-19T04:12:00Z");
        const done = (await stack.up("--skip-preview")).orFail();
        expect(changesIn(done)).toContain(`delete MachineTemplate ${named(TUESDAY)}`);
        expect(done.output).toMatch(
            /AzureMachineTemplate default\/md1-2026\.1117\.0412-\w+ stays as long as MachineSet \S+ refers to it/,
        );
        expect(await template()).toBe(named(THURSDAY));
        expect(await ofTuesday()).toEqual(before);
    });

    test("goes once nothing refers to it, and nobody else's does", async () => {
        // As OnDelete leaves it to people: the machines of older templates are replaced by hand.
        for (const { metadata } of await capi.deployments.machines(NAME)) {
            await capi.objects.delete("Machine", metadata.name ?? "");
        }
        await capi.deployments.settled(NAME, 3);
        await onlySetRefersTo(named(THURSDAY));
        await stack.configure({ pools: [{ machineDeployment: `default/${NAME}`, pin: WEDNESDAY }] });
        await up();
        expect(await template()).toBe(named(WEDNESDAY));
        expect(await ofTuesday()).toEqual([]);
        expect(await templates()).toEqual(expect.arrayContaining([NAME, "theirs", named(WEDNESDAY), named(THURSDAY)]));
        await stack.configure({ pools: [{ machineDeployment: `default/${NAME}` }] });
        await up();
        expect(await template()).toBe(named(THURSDAY));
        await onlySetRefersTo(named(THURSDAY));
    });
});

/** Cluster API deletes empty MachineSets of older templates once all machines are of the newest one. */
async function onlySetRefersTo(wanted: string): Promise<void> {
    const references = async () => {
        await capi.deployments.poke(NAME);
        return (await capi.deployments.sets(NAME)).map(({ spec }) => referenceOf(spec));
    };
    await expect.poll(references, { timeout: 120_000, interval: 1000 }).toEqual([wanted]);
}

const referenceOf = (spec: object) =>
    (spec as { template: { spec: { infrastructureRef: { name: string } } } }).template.spec.infrastructureRef.name;

describe("a deployment is refused", () => {
    test("that would replace machines, with the patch that makes it keep them", async () => {
        await capi.objects.patch("MachineDeployment", NAME, {
            spec: {
                rollout: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
            },
        });
        const refused = await stack.preview();
        expect(refused.exitCode).not.toBe(0);
        const [, kind, patch] =
            /kubectl -n default patch (\S+) md1 --type merge -p '([^']+)'/.exec(refused.messages("error").join("\n")) ??
            [];
        expect(kind).toBe("machinedeployments.v1beta2.cluster.x-k8s.io");
        await capi.objects.patch("MachineDeployment", NAME, JSON.parse(patch) as object);
        (await stack.preview()).orFail();
    });

    test("of another Kubernetes version than its image", async () => {
        const { spec } = await capi.objects.get("MachineDeployment", NAME);
        const { version } = (spec as { template: { spec: { version: string } } }).template.spec;
        const want = (other: string) =>
            capi.objects.patch("MachineDeployment", NAME, { spec: { template: { spec: { version: other } } } });
        await want("v1.25.3");
        const refused = await stack.preview();
        expect(refused.exitCode).not.toBe(0);
        expect(refused.messages("error").join("\n")).toContain(
            `pools[0].machineDeployment: image ${THURSDAY} has kubelet ${version}, and MachineDeployment default/md1 wants v1.25.3: give it`,
        );
        expect(refused.output).not.toMatch(/^\s+at .*\.ts:/m);
        await want(version);
        (await stack.preview()).orFail();
    });

    test("while it is paused", async () => {
        const pause = (value: string | null) =>
            capi.objects.patch("MachineDeployment", NAME, {
                metadata: { annotations: { "cluster.x-k8s.io/paused": value } },
            });
        await pause("");
        expect((await stack.preview()).messages("error").join("\n")).toContain(
            "kamino:pools[0].machineDeployment: MachineDeployment default/md1 is refused: it or its Cluster is paused",
        );
        await pause(null);
    });
});

test("the stack goes without a change of the deployment, and with the templates that nothing refers to", async () => {
    const before = await template();
    (await stack.destroy("--exclude-protected")).orFail();
    expect((await stack.resources()).map(({ type }) => type).join("\n")).not.toMatch(
        /InfrastructureRef|MachineTemplate/,
    );
    expect(await template()).toBe(before);
    expect(await templates()).toEqual(expect.arrayContaining([NAME, "theirs", before]));
    expect(await templates()).not.toContain(named(WEDNESDAY));
});

test("no machine was deleted by anybody but the test", () => {
    expect(deletedMachines().length).toBe(3);
});
