// Nothing in deploy/permissions/ is superfluous: with any one action or verb taken away some step fails, and says which
// one is missing.
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { PolicyV1Api } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EVENT_NAMESPACE } from "../../components/capture/nodeEvent";
import type { Principal, ScaleSet, Vm } from "../../sandbox/azure";
import type { Stack } from "../../sandbox/engine/stack";
import { waitFor } from "../../sandbox/nodes/api";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import { PAUSE } from "../cluster/api";
import { inputsFor, startCapture } from "../stack/support/capture";
import { imageOf, patch, poolStack } from "../stack/support/pools";
import {
    assignmentsFor,
    azureRole,
    createJoiningPool,
    environmentOf,
    manifests,
    refusalOf,
    runAs,
    serviceAccount,
    textOf,
    verbsOf,
    type Verb,
} from "./support";

const SETS = "Microsoft.Compute/virtualMachineScaleSets";
const IMAGES = "Microsoft.Compute/galleries/images";
const NETWORK = "Microsoft.Network";

/** What an up does beyond its preview, by the part of it that is run here without the action; in the order of a run. */
const ACTIONS = {
    capture: [
        "Microsoft.Compute/snapshots/read",
        `${SETS}/virtualMachines/instanceView/read`,
        "Microsoft.Compute/snapshots/write",
        "Microsoft.Compute/disks/beginGetAccess/action",
        "Microsoft.Compute/locations/diskOperations/read",
        `${SETS}/virtualMachines/start/action`,
        "Microsoft.Compute/locations/operations/read",
    ],
    powerOff: [`${SETS}/virtualMachines/powerOff/action`],
    copy: [
        "Microsoft.Compute/snapshots/beginGetAccess/action",
        "Microsoft.Compute/disks/write",
        "Microsoft.Compute/snapshots/delete",
    ],
    image: [
        "Microsoft.Compute/galleries/write",
        `${IMAGES}/write`,
        "Microsoft.Compute/locations/capsOperations/read",
        `${IMAGES}/versions/write`,
    ],
    release: ["Microsoft.Compute/disks/delete"],
    model: [
        `${SETS}/write`,
        `${NETWORK}/virtualNetworks/subnets/join/action`,
        `${NETWORK}/loadBalancers/backendAddressPools/join/action`,
        `${NETWORK}/networkSecurityGroups/join/action`,
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    ],
    prune: [`${IMAGES}/versions/delete`],
};

/** A preview needs it while an image has to prove itself. */
const PROOF = `${SETS}/virtualMachines/read`;

/** Without it nothing fails: what cannot be known is said. */
const POLICIES = "Microsoft.PolicyInsights/checkPolicyRestrictions/read";

const [PREVIEW, UP, FORCE] = ["preview", "up", "force"].map(manifests);
const isOfPreview = (verb: Verb) => verbsOf(PREVIEW).some((one) => textOf(one) === textOf(verb));
/** What only a copy is made with. Without the right to list events a copy that cannot be attached says less of why. */
const OF_COPIES = ["persistentvolumes", "persistentvolumeclaims", "volumeattachments", "events", "pods/log"];
/** Without these a copy goes on. */
const TELLING = ["events", "pods/log"];
const CAPTURE_VERBS = verbsOf(UP).filter((verb) => !isOfPreview(verb) && !OF_COPIES.includes(verb.resource));
/** Without it nothing fails: what a capture came to is then not to be seen on its node. */
const NODE_EVENTS: Verb = { verb: "create", group: "", resource: "events", namespace: EVENT_NAMESPACE };
const COPY_VERBS = verbsOf(UP).filter(({ resource }) => OF_COPIES.includes(resource) && !TELLING.includes(resource));
/** Without it nothing fails: the packages of an image are then not to be written. */
const PACKAGES: Verb = { verb: "get", group: "", resource: "pods/log", namespace: "kamino-capture" };
const FORCE_VERBS = verbsOf(FORCE);
const DAEMON_SETS: Verb = { verb: "list", group: "apps", resource: "daemonsets" };
/** Without it a preview says that it cannot be read, and the capture is one in place. */
const DISK_DRIVER: Verb = { verb: "get", group: "storage.k8s.io", resource: "csidrivers" };
const PREVIEW_VERBS = verbsOf(PREVIEW).filter((verb) => ![DAEMON_SETS, DISK_DRIVER].map(textOf).includes(textOf(verb)));

let sandbox: Sandbox;
let pool: ScaleSet;
/** Nodes of another pool, each for one capture. */
let nodes: Vm[];
/** The same for copies, each of a pool of its own: a copy removes what earlier ones of its scale set have left. */
let copied: Vm[];
let accounts = { preview: "", up: "" };
/** Captures of guests that do not switch themselves off; they go on while the other tests run. */
let stayingOn: Record<"with" | "without", ReturnType<typeof captureAs>>;

beforeAll(async () => {
    sandbox = await startSandbox();
    const { azure } = sandbox;
    pool = await createJoiningPool(azure, "pool1", 3);
    const inPlace = ACTIONS.capture.length + CAPTURE_VERBS.length + FORCE_VERBS.length + 3;
    const { id } = await azure.createScaleSet({ name: "pool2", capacity: inPlace });
    nodes = azure.vms(id);
    const copies = ACTIONS.copy.length + COPY_VERBS.length + 1;
    const names = Array.from({ length: copies }, (_, index) => `copied${index}`);
    const sets = await Promise.all(names.map((name) => azure.createScaleSet({ name, capacity: 1 })));
    copied = sets.flatMap((set) => azure.vms(set.id));
    await sandbox.nodes.settled();
    accounts = {
        preview: await serviceAccount(sandbox, "preview", PREVIEW),
        up: await serviceAccount(sandbox, "up", UP),
    };
    const [action] = ACTIONS.powerOff;
    const message = "Operation execution has been preempted by a more recent operation.";
    const powerOff = { path: /\/powerOff$/, method: "POST", times: 1 };
    azure.faults.failOperation({ ...powerOff, code: "OperationPreempted", message });
    stayingOn = {
        with: captureAs(principalWithout(), accounts.up, guestThatStaysOn()),
        without: captureAs(principalWithout(action), accounts.up, guestThatStaysOn()),
    };
}, 600_000);
afterAll(() => sandbox?.stop());

const assignments = (role: "kamino-preview" | "kamino-up", without?: string) =>
    assignmentsFor(sandbox.azure, pool, role, without);

function principalWithout(action?: string): Principal {
    return sandbox.azure.principals.add({ name: "writer", assignments: assignments("kamino-up", action) });
}

/** A capture in a separate process, as this principal and service account, of a node that no other test has. */
function startAs(principal: Principal, kubeconfig: string, vm = nodes.pop()!, settings = {}, rest = {}) {
    const env = { ...environmentOf(sandbox, principal, kubeconfig), KAMINO_PACKAGES: join(sandbox.directory, "lists") };
    const inputs = inputsFor(sandbox, vm, { kubernetes: { kubeconfig } });
    const change = { ...inputs, ...rest, settings: { ...inputs.settings, ...settings } };
    return startCapture({ ...sandbox, env }, change);
}

/** What it comes to. */
function captureAs(...args: Parameters<typeof startAs>) {
    return startAs(...args).result;
}

/** On this one's disk the way to the power switch leads nowhere. */
function guestThatStaysOn(): Vm {
    const vm = nodes.pop()!;
    const path = join(vm.diskDirectory, "proc", "sysrq-trigger");
    rmSync(path, { force: true });
    symlinkSync("/dev/null", path);
    return vm;
}

/** A pod on the node that has to be evicted; with a budget that never lets it go, if so wanted. */
async function podOn({ nodeName, instanceId }: Vm, guarded = false): Promise<void> {
    const { core, config } = sandbox.nodes.api;
    const [name, namespace] = [`web-${instanceId}`, "default"];
    const metadata = { name, labels: { app: name } };
    await core.createNamespacedPod({ namespace, body: { metadata, spec: { nodeName, containers: [PAUSE] } } });
    if (!guarded) {
        return;
    }
    const policy = config.makeApiClient(PolicyV1Api);
    const spec = { minAvailable: 1, selector: { matchLabels: metadata.labels } };
    await policy.createNamespacedPodDisruptionBudget({ namespace, body: { metadata: { name }, spec } });
    await waitFor(`the budget of ${name}`, async () => {
        const { status } = await policy.readNamespacedPodDisruptionBudget({ name, namespace });
        return status?.currentHealthy === 1 ? true : undefined;
    });
}

describe.concurrent("a capture fails and names what is missing", () => {
    test.each(ACTIONS.capture)("without the action %s", async (action) => {
        const { error } = await captureAs(principalWithout(action), accounts.up);
        expect(error).toContain(`'${action}'`);
    });

    test.each(CAPTURE_VERBS.map((verb) => [textOf(verb), verb] as const))("without the verb %s", async (text, verb) => {
        const vm = nodes.pop()!;
        const kubeconfig = await serviceAccount(sandbox, `up-without-${text.replace(/\W/g, "-")}`, UP, verb);
        if (verb.resource === "pods/eviction") {
            await podOn(vm);
        }
        // All captures of a pool hold the lock by one name, so that only those that are about it take it here.
        const kured = { lock: verb.resource === "daemonsets" };
        const { error } = await captureAs(principalWithout(), kubeconfig, vm, {}, { kured });
        expect(error).toContain(refusalOf(verb));
    });

    test(`not without the verb ${textOf(NODE_EVENTS)}: it goes on, and a warning names the verb`, async () => {
        const kubeconfig = await serviceAccount(sandbox, "up-without-node-events", UP, NODE_EVENTS);
        const running = startAs(principalWithout(), kubeconfig);
        expect(await running.result).toMatchObject({ captured: { capturedAt: expect.any(String) as string } });
        expect(running.said()).toContain("captures go on without Events on their nodes");
        expect(running.said()).toContain(refusalOf(NODE_EVENTS));
    });

    test.each(ACTIONS.copy)("by a copy, without the action %s", async (action) => {
        const { error } = await captureAs(principalWithout(action), accounts.up, copied.pop(), { mode: "copy" });
        expect(error).toContain(`'${action}'`);
    });

    test.each(COPY_VERBS.map((verb) => [textOf(verb), verb] as const))(
        "by a copy, without the verb %s",
        async (text, verb) => {
            const kubeconfig = await serviceAccount(sandbox, `copy-without-${text.replace(/\W/g, "-")}`, UP, verb);
            const { error } = await captureAs(principalWithout(), kubeconfig, copied.pop(), { mode: "copy" });
            expect(error).toContain(refusalOf(verb));
        },
    );

    test(`not without the verb ${textOf(PACKAGES)}: it goes on, and a warning names the verb`, async () => {
        const kubeconfig = await serviceAccount(sandbox, "copy-without-logs", UP, PACKAGES);
        const running = startAs(principalWithout(), kubeconfig, copied.pop(), { mode: "copy" });
        expect(await running.result).toMatchObject({ captured: { capturedAt: expect.any(String) as string } });
        expect(running.said()).toMatch(/pool1: the packages of image 2026\.1122\.0412 are not written: /);
        expect(running.said()).toContain(refusalOf(PACKAGES));
    });

    test.each(FORCE_VERBS.map((verb) => [textOf(verb), verb] as const))(
        "without the verb %s of force.yaml, where a pod is to be forced off its node",
        async (_text, verb) => {
            const vm = nodes.pop()!;
            await podOn(vm, true);
            const { error } = await captureAs(principalWithout(), accounts.up, vm, { force: true, drainTimeout: "1s" });
            expect(error).toContain(refusalOf(verb));
        },
    );
});

describe.sequential("a preview fails and names what is missing", () => {
    let stack: Stack;
    let reader: Principal;

    beforeAll(async () => {
        reader = sandbox.azure.principals.add({ name: "reader" });
        stack = await poolStack(sandbox, ["pool1"], {}, "preview");
    });

    async function previewAs(kubeconfig: string, without?: string) {
        reader.assignments = assignments("kamino-preview", without);
        runAs(stack, sandbox, reader, kubeconfig);
        return await stack.preview();
    }

    /** Nothing fails: what could not be told is said. */
    test("without the verb list daemonsets, in its advice on nodes that kured has not annotated", async () => {
        const kubeconfig = await serviceAccount(sandbox, "without-daemonsets", PREVIEW, DAEMON_SETS);
        expect((await previewAs(kubeconfig)).output).toContain("listing DaemonSets is not allowed");
        expect((await previewAs(accounts.preview)).output).toContain("kured 1.15.1 runs as DaemonSet");
    });

    test.each(PREVIEW_VERBS.map((verb) => [textOf(verb), verb] as const))("without the verb %s", async (text, verb) => {
        await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
        const account = `preview-without-${text.replace(/\W/g, "-")}`;
        const outcome = await previewAs(await serviceAccount(sandbox, account, PREVIEW, verb));
        expect(outcome.exitCode).not.toBe(0);
        expect(outcome.output).toContain(refusalOf(verb));
    });

    test(`without the action ${POLICIES}, by a warning`, async () => {
        const outcome = (await previewAs(accounts.preview, POLICIES)).orFail();
        expect(outcome.messages("warning").join()).toContain(`'${POLICIES}'`);
    });

    const actions = [...azureRole("kamino-preview").Actions, ...azureRole("kamino-regions").Actions];
    test.each(actions.filter((action) => ![POLICIES, PROOF].includes(action)))(
        "without the action %s",
        async (action) => {
            const outcome = await previewAs(accounts.preview, action);
            expect(outcome.exitCode).not.toBe(0);
            expect(outcome.output).toContain(`'${action}'`);
        },
    );
});

describe.sequential("an up fails and names what is missing", () => {
    let stack: Stack;
    let writer: Principal;

    beforeAll(async () => {
        writer = sandbox.azure.principals.add({ name: "writer" });
        stack = await poolStack(sandbox, ["pool1"], { maxHistory: 2, capture: "copy" }, "up");
    });

    async function upWithout(action?: string) {
        writer.assignments = assignments("kamino-up", action);
        runAs(stack, sandbox, writer, accounts.up);
        return await stack.up("--skip-preview");
    }

    async function expectToFail(action: string) {
        const outcome = await upWithout(action);
        expect(outcome.exitCode).not.toBe(0);
        expect(outcome.output).toContain(`'${action}'`);
    }

    test.each(ACTIONS.image)("without the action %s, before there is an image", expectToFail);

    test.each(ACTIONS.release)("without the action %s, by a warning: the copied disk is left", async (action) => {
        const { output } = (await upWithout(action)).orFail();
        expect(output).toContain(`'${action}'`);
    });

    test.each(ACTIONS.model)("without the action %s, before the model is written", async (action) => {
        await expectToFail(action);
        expect(imageOf(sandbox, "pool1")).toBeUndefined();
    });

    test(`without the action ${PROOF}, while the image has to prove itself`, async () => {
        await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
        (await upWithout()).orFail();
        (await upWithout()).orFail();
        await expectToFail(PROOF);
    });

    test.each(ACTIONS.prune)("without the action %s, when the oldest version is to go", async (action) => {
        (await upWithout()).orFail();
        await patch(sandbox, "pool1", 1, "2026-11-17T04:12:00Z");
        (await upWithout()).orFail();
        await patch(sandbox, "pool1", 2, "2026-11-18T04:12:00Z");
        await expectToFail(action);
        (await upWithout()).orFail();
    });
});

test("a guest that does not switch itself off is switched off, again where Azure gives that up; that takes a further action", async () => {
    expect(await stayingOn.with).toMatchObject({ captured: { capturedAt: expect.any(String) as string } });
    expect((await stayingOn.without).error).toContain(`'${ACTIONS.powerOff[0]}'`);
});

test("each action of the role is taken away once", () => {
    const tried = [...azureRole("kamino-preview").Actions, ...Object.values(ACTIONS).flat()];
    expect(tried.sort()).toEqual(azureRole("kamino-up").Actions);
});
