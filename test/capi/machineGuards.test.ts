// MachineDeployments and MachineSets: rights that are enough and none too many, what is waited for, what is not written
// over, bare MachineSets, and what `init` finds; with the real managers and their webhooks.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { create as pointAt } from "../../components/capi/infrastructureRefProvider";
import { readMachines, vmsOf, type MachinesAt } from "../../components/capi/machines";
import { dropTemplate, pruneTemplates, readTemplate } from "../../components/capi/templates";
import { create as makeTemplate } from "../../components/capi/machineTemplateProvider";
import { oneLine } from "../../components/core/errors";
import { machinesRules } from "../../components/schedule/permissions";
import { GROUP, type ClusterApi } from "../../sandbox/capi";
import { machineDeploymentOf } from "../../sandbox/capi/machineManifests";
import type { Stack } from "../../sandbox/engine/stack";
import { waitFor } from "../../sandbox/nodes/api";
import type { Sandbox } from "../../sandbox/sandbox";
import { assignmentsFor, azureRole, manifests, runAs, serviceAccount, textOf, verbsOf } from "../permissions/support";
import { changesIn } from "../stack/support/pools";
import { npmRun } from "../stack/support/scripts";
import { imagesOfVms } from "./images";
import { machinesStack, startBed, type Bed } from "./support";

const MONDAY = "2026.1116.0412";
const NAME = "md1";
const SET = "ms1";
const EMPTY = "ms0";

let bed: Bed;
let sandbox: Sandbox;
let capi: ClusterApi;
let stack: Stack;

beforeAll(async () => {
    bed = await startBed({ pools: [] });
    ({ sandbox, capi } = bed);
    await capi.deployments.create({ name: NAME, replicas: 2, bootstrap: "secret", failureDomain: "1" });
    stack = await machinesStack(sandbox, { machineDeployment: `default/${NAME}` });
    await reboot(NAME);
}, 600_000);
afterAll(() => bed?.stop());

async function reboot(name: string): Promise<void> {
    const [{ nodeName }] = capi.deployments.vms(name);
    const at = new Date("2026-11-16T04:12:00Z");
    expect(await sandbox.nodes.patchAndReboot(nodeName, { at, utcOffsetMinutes: 0 })).toBe("freed");
}

const at = (kubeconfig = capi.kubeconfig): MachinesAt => ({
    ...{ kind: "MachineDeployment", namespace: "default", name: NAME },
    kubernetes: { kubeconfig },
});

const role = (name: string) => ({
    kind: "Role",
    metadata: { name, namespace: "default" },
    rules: machinesRules("up"),
});

async function template(kind: "MachineDeployment" | "MachineSet" = "MachineDeployment", name = NAME): Promise<string> {
    const { spec } = await capi.objects.get(kind, name);
    return (spec as { template: { spec: { infrastructureRef: { name: string } } } }).template.spec.infrastructureRef
        .name;
}

describe("the roles of MachineDeployments", () => {
    test("are enough for a preview and a bump, and each action of them is used", async () => {
        const { azure } = sandbox;
        const assignments = assignmentsFor(azure, { resourceGroup: GROUP }, "kamino-machines-up");
        const principal = azure.principals.add({ name: "writer", assignments });
        const reader = azure.principals.add({
            name: "reader",
            assignments: assignmentsFor(azure, { resourceGroup: GROUP }, "kamino-machines-preview"),
        });
        const reading = [...manifests("preview"), { ...role("reading"), rules: machinesRules("preview") }];
        runAs(stack, sandbox, reader, await serviceAccount(sandbox, "reader", reading));
        const preview = (await stack.preview()).orFail();
        expect(preview.messages("warning")).toEqual([]);
        expect(changesIn(preview)).toContain(`create InfrastructureRef ${NAME}`);
        runAs(
            stack,
            sandbox,
            principal,
            await serviceAccount(sandbox, "writer", [...manifests("up-copy"), role("writing")]),
        );
        (await stack.up("--skip-preview")).orFail();
        expect(await template()).toBe(`${NAME}-${MONDAY}`);
        runAs(stack, sandbox, azure.principal, capi.kubeconfig);
        const used = (name: string) => [
            ...new Set(
                azure.requests
                    .all({ polls: true })
                    .filter((request) => request.principal === name)
                    .flatMap(({ actions }) => actions),
            ),
        ];
        const superfluous = (name: string, file: string) =>
            azureRole(file).Actions.filter((action) => !used(name).includes(action));
        expect(superfluous("reader", "kamino-machines-preview")).toEqual([]);
        // Versions are pruned by the third image.
        expect(superfluous("writer", "kamino-machines-up")).toEqual([
            "Microsoft.Compute/galleries/images/versions/delete",
        ]);
    });

    test("in the management cluster are enough for templates and the reference, and no verb is superfluous", async () => {
        // A MachineSet by itself, without machines: what is patched is its reference alone.
        await capi.objects.create("MachineSet", EMPTY, machineSetOf(EMPTY, 0));
        const { computeGallery } = (await readTemplate(at(), `${NAME}-${MONDAY}`))!.spec.template.spec.image!;
        const base = { configKey: "key", current: true, basedOn: NAME };
        let version = 0;
        const all = async (kubeconfig: string) => {
            const image = {
                ...(computeGallery as Parameters<typeof makeTemplate>[0]["computeGallery"]),
                version: `1.0.${++version}`,
            };
            const name = `${NAME}-${image.version}`;
            const machines = at(kubeconfig);
            await makeTemplate({ ...base, machines, computeGallery: image, template: name });
            const infrastructureRef = { name };
            const before = await template();
            const reference = {
                ...{ configKey: "key", strategy: "OnDelete", writes: version },
                machines: `MachineDeployment default/${NAME}`,
            };
            await pointAt({ ...reference, infrastructureRef, at: machines });
            const ofSet = {
                ...{ configKey: "key", writes: version, machines: `MachineSet default/${EMPTY}` },
                at: { ...machines, kind: "MachineSet" as const, name: EMPTY },
            };
            await pointAt({ ...ofSet, infrastructureRef });
            // A template that is referred to is marked for a later run, and one that is not goes.
            await makeTemplate({ ...base, machines, computeGallery: image, template: `${name}-spare` });
            await dropTemplate(machines, `${name}-spare`);
            await dropTemplate(machines, name);
            await pointAt({ ...ofSet, infrastructureRef: { name: before } });
            await pointAt({ ...reference, infrastructureRef: { name: before }, at: machines });
            await pruneTemplates(machines);
        };
        await all(await serviceAccount(sandbox, "enough", [role("enough")]));
        // Without the right to Events a reference is written all the same.
        const verbs = verbsOf([role("x")]).filter(({ resource }) => resource !== "events");
        for (const [index, verb] of verbs.entries()) {
            const account = await serviceAccount(sandbox, `without-${index}`, [role(`without-${index}`)], verb);
            const refusal = () => all(account).then(() => "done", oneLine);
            await expect
                .poll(refusal, { timeout: 60_000, message: textOf(verb) })
                .toContain(`cannot ${verb.verb} resource "${verb.resource}"`);
            await capi.deployments.setTemplate(NAME, `${NAME}-${MONDAY}`);
        }
        await capi.objects.delete("MachineSet", EMPTY);
    });
});

test("a template that differs in more than its image is never pointed at", async () => {
    await capi.deployments.createTemplate("big", { changeTemplate: (spec) => (spec.vmSize = "Standard_D4s_v3") });
    const to = {
        infrastructureRef: { name: "big" },
        at: at(),
        machines: `MachineDeployment default/${NAME}`,
        writes: 9,
    };
    await expect(pointAt({ configKey: "key", strategy: "OnDelete", ...to })).rejects.toThrow(
        `key: MachineDeployment default/${NAME} is not pointed at big: it refers to ${NAME}-${MONDAY} now, which differs in more than its image`,
    );
    await capi.objects.delete("AzureMachineTemplate", "big");
});

test("the reference waits until the deployment has its machines", async () => {
    await capi.objects.patch("MachineDeployment", NAME, { spec: { replicas: 3 } });
    const to = {
        infrastructureRef: { name: NAME },
        at: at(),
        machines: `MachineDeployment default/${NAME}`,
        writes: 10,
    };
    await pointAt({ configKey: "key", strategy: "OnDelete", ...to });
    expect(await template()).toBe(NAME);
    expect((await capi.objects.get("MachineDeployment", NAME)).status?.replicas).toBe(3);
    await capi.deployments.settled(NAME, 3);
    await capi.deployments.setTemplate(NAME, `${NAME}-${MONDAY}`);
});

test("npm run init gives the pool by its MachineDeployment, to which its nodes' MachineSets belong", async () => {
    const file = join(sandbox.directory, "Pulumi.new.yaml");
    const flags = ["--stack", "new", "--config-file", file, "--yes"];
    const done = await npmRun("init", flags, sandbox.env);
    expect(done.all).toMatch(/^ {2}default\/md1 +3 nodes {2}fits$/m);
    expect((parse(readFileSync(file, "utf8")) as { config: object }).config).toMatchObject({
        "kamino:pools": [{ machineDeployment: `default/${NAME}` }],
    });
});

describe("a MachineSet", () => {
    test("that a MachineDeployment owns is refused, with the deployment's name", async () => {
        const [{ metadata }] = await capi.deployments.sets(NAME);
        await stack.configure({ pools: [{ machineSet: `default/${metadata.name}` }] });
        const refused = await stack.preview();
        expect(refused.exitCode).not.toBe(0);
        expect(refused.messages("error").join("\n")).toContain(
            `is refused: it belongs to MachineDeployment ${NAME}, whose template counts; name that (machineDeployment: default/${NAME})`,
        );
    });

    test("by itself gets a template and makes its next machine from it, and keeps the others", async () => {
        await capi.objects.create("MachineSet", SET, machineSetOf(SET, 1));
        await settled(1);
        await reboot(SET);
        await stack.configure({ pools: [{ machineDeployment: `default/${NAME}` }, { machineSet: `default/${SET}` }] });
        (await stack.up("--skip-preview")).orFail();
        expect(await template("MachineSet", SET)).toBe(`${SET}-${MONDAY}`);
        const before = capi.deployments.vms(SET).map(({ instanceId }) => instanceId);
        await capi.objects.patch("MachineSet", SET, { spec: { replicas: 2 } });
        await settled(2);
        const now = capi.deployments.vms(SET);
        expect(now.map(({ instanceId }) => instanceId)).toEqual(expect.arrayContaining(before));
        const added = now.find(({ instanceId }) => !before.includes(instanceId))!;
        expect(added).toMatchObject({ joined: true, bootedClean: true });
        expect(await imagesOfVms(sandbox, [added])).toEqual({ [added.instanceId]: MONDAY });
        expect(changesIn((await stack.preview()).orFail())).toEqual([]);
    });
});

/** A MachineSet that no MachineDeployment owns, with machines as those of the deployment. */
function machineSetOf(name: string, replicas: number): { spec: object } {
    const label = { "kamino-test": name };
    const { spec } = machineDeploymentOf({ name: NAME, replicas, bootstrap: "secret", failureDomain: "1" });
    const { template: machine } = spec as { template: object };
    return {
        spec: {
            ...{ clusterName: "c1", replicas, selector: { matchLabels: label } },
            template: { ...machine, metadata: { labels: label } },
        },
    };
}

/** Waits until the MachineSet has this many machines with VMs and nodes. */
async function settled(replicas: number): Promise<void> {
    const where: MachinesAt = { ...at(), kind: "MachineSet", name: SET };
    await waitFor(
        `MachineSet ${SET} to have ${replicas} nodes`,
        async () => {
            const read = await readMachines(where, "key");
            const vms = vmsOf(read).filter(({ node }) => node !== undefined);
            return vms.length === replicas && read.owner.status?.replicas === replicas ? true : undefined;
        },
        180_000,
    );
}
