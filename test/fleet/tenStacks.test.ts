// Ten clusters' stacks at once on one backend and one subscription: each adopts its own pool and makes its own image,
// half of them in a gallery that they share, and none touches what is another's.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LoggedRequest, Principal, ScaleSet } from "../../sandbox/azure";
import type { Outcome } from "../../sandbox/engine/outcome";
import { Stack } from "../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { galleryNameOf, type PoolOutputs } from "../stack/support/pools";

const MINUTE = 60_000;
const CLUSTERS = 10;

/** One cluster of the fleet: its resource group, pool, identity and stack. */
interface Member {
    name: string;
    pool: ScaleSet;
    /** The node that was patched, and the version that it gives. */
    node: string;
    version: string;
    /** The ARM id of its image definition. */
    definition: string;
    identity: Principal;
    stack: Stack;
}

let sandbox: Sandbox;
let sharedGallery: string;
let fleet: Member[];
let models: unknown[];
let outcomes: Outcome[];

beforeAll(async () => {
    sandbox = await startSandbox();
    const { azure } = sandbox;
    azure.createResourceGroup("images", "westeurope");
    const client = computeClient(azure);
    sharedGallery = (await client.galleries.createOrUpdate("images", "fleet", { location: "westeurope" })).id ?? "";
    fleet = [];
    for (let index = 0; index < CLUSTERS; index++) {
        fleet.push(await makeMember(index));
    }
    await sandbox.nodes.settled();
    models = fleet.map(({ pool }) => azure.scaleSet(pool.id)?.model);
    azure.requests.clear();
}, 10 * MINUTE);
afterAll(() => sandbox?.stop());

/**
 * A cluster with one pool of two nodes, one of them patched, each at its own moment; odd ones use the shared gallery.
 */
async function makeMember(index: number): Promise<Member> {
    const { azure, nodes } = sandbox;
    const name = `cluster-${index}`;
    const pool = await azure.createScaleSet({ name: "pool1", resourceGroup: name, capacity: 2 });
    await nodes.settled();
    const [, { nodeName: node }] = azure.vms(pool.id);
    await nodes.patchAndReboot(node, { at: new Date(`2026-11-16T04:${10 + index}:00Z`) });
    const shared = index % 2 === 1;
    const group = pool.id.split("/").slice(0, 5).join("/");
    const gallery = shared
        ? sharedGallery
        : `${group}/providers/Microsoft.Compute/galleries/${galleryNameOf(name, name)}`;
    const identity = azure.principals.add({
        name,
        assignments: [
            { scope: `/subscriptions/${azure.subscriptionId}`, role: { name: "Reader", actions: ["*/read"] } },
            { scope: group, role: { name: "Owner", actions: ["*"] } },
            ...(shared ? [{ scope: sharedGallery, role: { name: "Gallery writer", actions: ["*"] } }] : []),
        ],
    });
    const stack = await Stack.create({
        ...{ runDirectory: sandbox.directory, name, env: { ...sandbox.env, ...azure.envFor(identity) } },
        config: {
            ...{ resourceGroup: name, gracePeriod: "1s" },
            pools: [{ name: "pool1", scaleSet: pool.name }],
            capture: "in-place",
            ...(shared && { gallery: sharedGallery }),
        },
    });
    const digest = createHash("sha256").update(pool.id.toLowerCase()).digest("hex").slice(0, 8);
    const definition = `${gallery}/images/${shared ? `${name}-${pool.name}-${digest}` : pool.name}`;
    return { name, pool, node, version: `2026.1116.04${10 + index}`, definition, identity, stack };
}

/** Everything but existence checks that found nothing. */
function troubles(): LoggedRequest[] {
    return sandbox.azure.requests
        .all({ polls: true })
        .filter(({ status, method }) => status >= 400 && !(status === 404 && method === "GET"));
}

/** What this identity wrote, as `PUT snapshots/NAME`, in alphabetical order. */
function writesBy({ identity }: Member): LoggedRequest[] {
    return sandbox.azure.requests.writes().filter(({ principal }) => principal === identity.name);
}

/** How many stacks were under way at one moment: between their first and their last request. */
function mostAtOnce(): number {
    const spans = fleet.map(({ identity }) => {
        const times = sandbox.azure.requests
            .all()
            .filter(({ principal }) => principal === identity.name)
            .map(({ at }) => at.getTime());
        return { begin: Math.min(...times), end: Math.max(...times) };
    });
    return Math.max(
        ...spans.map((span) => spans.filter(({ begin, end }) => begin <= span.begin && span.begin <= end).length),
    );
}

test(
    "ten stacks run at once and all of them succeed",
    async () => {
        outcomes = await Promise.all(fleet.map(({ stack }) => stack.up("--skip-preview")));
        outcomes.forEach((outcome) => outcome.orFail());
        expect(mostAtOnce()).toBeGreaterThanOrEqual(CLUSTERS / 2);
        expect(troubles().map(({ status, method, path }) => `${status} ${method} ${path}`)).toEqual([]);
    },
    10 * MINUTE,
);

test("each has adopted its own pool as it is, with an image of its own node", async () => {
    for (const [index, member] of fleet.entries()) {
        expect(outcomes[index].changes.filter((change) => /pool1/.test(change)).sort()).toEqual([
            "create pool1", // VmssPrototype
            "create pool1", // NodeSelection
            "create pool1", // GalleryImage
            `create pool1-${member.version}`, // OsDiskCapture
            `create pool1-${member.version}`, // GalleryImageVersion
            "import pool1",
        ]);
        const { pools } = await member.stack.outputs<{ pools: Record<string, PoolOutputs> }>();
        expect(pools).toMatchObject({
            pool1: {
                ...{ node: member.node, version: member.version, versions: [member.version] },
                ...{ scaleSetId: member.pool.id, adopted: true },
            },
        });
    }
});

test("each state has its own scale set, its own definition and nothing of another's", async () => {
    for (const { stack, pool, definition, name } of fleet) {
        const resources = await stack.resources();
        const idOf = (type: string) => resources.filter((one) => one.type.endsWith(`:${type}`)).map(({ id }) => id);
        expect(idOf("VirtualMachineScaleSet")).toEqual([pool.id]);
        expect(idOf("GalleryImage")).toEqual([definition]);
        const text = JSON.stringify(resources);
        const others = fleet.filter((other) => other.name !== name);
        expect(others.filter((other) => text.includes(other.pool.id) || text.includes(other.definition))).toEqual([]);
    }
});

test("each wrote only what is its own: its node's snapshot, its definition, its version, and once each", () => {
    for (const member of fleet) {
        const { name, pool, definition, version } = member;
        const group = pool.id.split("/").slice(0, 5).join("/");
        const written = writesBy(member).map(({ method, path }) => `${method} ${path}`);
        const within = (path: string) => path.startsWith(`${group}/`) || path.startsWith(`${definition}`);
        expect({ name, foreign: writesBy(member).filter(({ path }) => !within(path)) }).toEqual({ name, foreign: [] });
        const kinds = writesBy(member).map(({ method, path }) => `${method} ${kindOf(path)}`);
        const gallery = definition.startsWith(sharedGallery) ? [] : ["PUT galleries"];
        expect({ name, kinds: kinds.sort() }).toEqual({
            name,
            kinds: [
                // The node's own cleaning pod has switched it off.
                ...["DELETE snapshots", "POST start", ...gallery],
                ...["PUT images", "PUT snapshots", "PUT versions"],
            ],
        });
        expect(written).toContain(`PUT ${definition}/versions/${version}`);
    }
    // And nobody else wrote anything.
    const names = fleet.map(({ name }) => name);
    expect(sandbox.azure.requests.writes().filter(({ principal }) => !names.includes(principal ?? ""))).toEqual([]);
});

/** The type of a resource, or the action asked of it. */
function kindOf(path: string): string {
    const segments = path.split("/providers/").at(-1)?.split("/") ?? [];
    return segments.length % 2 === 0 ? segments.at(-1)!.toLowerCase() : segments.at(-2)!;
}

test("the shared gallery holds five definitions with one version each, every other cluster has its own gallery", async () => {
    const client = computeClient(sandbox.azure);
    const versionsOf = async (definition: string) => {
        const [group, gallery, image] = [4, 8, 10].map((at) => definition.split("/")[at]);
        const versions: string[] = [];
        for await (const version of client.galleryImageVersions.listByGalleryImage(group, gallery, image)) {
            expect(version.provisioningState).toBe("Succeeded");
            versions.push(version.name ?? "");
        }
        return versions;
    };
    for (const { definition, version } of fleet) {
        expect(await versionsOf(definition)).toEqual([version]);
    }
    const definitions: string[] = [];
    for await (const { name } of client.galleryImages.listByGallery("images", "fleet")) {
        definitions.push(name ?? "");
    }
    const sharing = fleet.filter(({ definition }) => definition.startsWith(sharedGallery));
    expect(definitions.sort()).toEqual(sharing.map(({ definition }) => definition.split("/").at(-1)).sort());
});

test("every model, every capacity and every node is as it was before", async () => {
    await sandbox.nodes.settled();
    expect(fleet.map(({ pool }) => sandbox.azure.scaleSet(pool.id)?.model)).toEqual(models);
    const { items } = await sandbox.nodes.api.core.listNode();
    for (const { nodeName, power, joined } of sandbox.azure.vms()) {
        const node = items.find(({ metadata }) => metadata?.name === nodeName);
        expect({ nodeName, power, joined, cordoned: node?.spec?.unschedulable ?? false }).toEqual({
            ...{ nodeName, power: "running", joined: true, cordoned: false },
        });
    }
    const left = await sandbox.nodes.api.core.listPodForAllNamespaces({
        labelSelector: "app.kubernetes.io/component=capture",
    });
    expect(left.items).toEqual([]);
});
