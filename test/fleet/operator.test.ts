// The manifests for the Pulumi Kubernetes Operator against its own resource definitions, on a real API server.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AuthorizationV1Api } from "@kubernetes/client-node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startCluster, type Cluster } from "../../sandbox/cluster";
import { apiOf, waitFor, type Api } from "../../sandbox/nodes/api";
import { isRun } from "../../components/capture/pods";
import { create, manifests, post, stackIn, workspacePod, type StackManifest } from "./manifests";

const { PKO_CRDS } = process.env;
const NO_CRDS = "PKO_CRDS names no folder with the operator's resource definitions";

let folder: string;
let cluster: Cluster;
let api: Api;

beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "kamino fleet "));
    cluster = await startCluster(join(folder, "cluster"));
    api = apiOf(cluster.kubeconfig);
    if (PKO_CRDS) {
        await installDefinitions(PKO_CRDS);
    }
});
afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
});

async function installDefinitions(directory: string): Promise<void> {
    const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for (const file of readdirSync(directory).filter((name) => name.endsWith(".yaml"))) {
        const text = readFileSync(join(directory, file), "utf8");
        const { status, body } = await post(api.config, path, "application/yaml", text);
        expect({ file, status, message: body.message }).toMatchObject({ status: 201 });
    }
    // The API server serves a new kind a moment later; before that the answer is 404.
    const object = { apiVersion: "pulumi.com/v1", kind: "Stack", metadata: { name: "any", namespace: "default" } };
    await waitFor("the kind Stack", async () =>
        (await create(api.config, object, true)).status === 404 ? undefined : true,
    );
}

/** Creates all objects of a file; each must be taken without a complaint. */
async function expectAccepted(file: string): Promise<void> {
    for (const object of manifests(file)) {
        const { status, body } = await create(api.config, object);
        expect({ kind: object.kind, name: object.metadata?.name, status, message: body.message }).toMatchObject({
            status: 201,
        });
    }
}

describe.sequential("the fleet's shared objects and a cluster's accounts", () => {
    test("are accepted by the API server", async () => {
        await expectAccepted("namespace.yaml");
        await expectAccepted("../permissions/kubernetes/preview.yaml");
        await expectAccepted("../permissions/kubernetes/up.yaml");
        await expectAccepted("target-cluster.yaml");
    });

    test("let a preview's account read, and only an up's account take a node out of service and clean a disk", async () => {
        const reviews = api.config.makeApiClient(AuthorizationV1Api);
        const may = async (account: string, verb: string, resource: string, namespace?: string) => {
            const user = `system:serviceaccount:kamino:${account}`;
            const body = { spec: { user, resourceAttributes: { verb, resource, namespace } } };
            return (await reviews.createSubjectAccessReview({ body })).status?.allowed;
        };
        await waitFor("the roles to count", async () => (await may("fleet-up", "patch", "nodes")) || undefined);
        expect(await may("fleet-preview", "list", "nodes")).toBe(true);
        expect(await may("fleet-preview", "patch", "nodes")).toBe(false);
        expect(await may("fleet-preview", "create", "pods", "kamino-capture")).toBe(false);
        expect(await may("fleet-up", "create", "pods", "kamino-capture")).toBe(true);
        expect(await may("fleet-up", "create", "pods", "kamino")).toBe(false);
        expect(await may("fleet-up", "list", "secrets")).toBe(false);
    });
});

describe("a cluster's two Stacks", () => {
    const [preview, up] = ["preview.yaml", "up.yaml"].map(stackIn);

    test("are one and the same run but for the gate, the identity and what it may do", () => {
        expect(up.spec.stack).toBe(preview.spec.stack);
        expect(up.spec.config).toEqual(preview.spec.config);
        const own = ["ARM_CLIENT_ID", "AZURE_CLIENT_ID"];
        const shared = ({ spec }: StackManifest) =>
            Object.fromEntries(Object.entries(spec.envRefs).filter(([name]) => !own.includes(name)));
        expect(shared(up)).toEqual(shared(preview));
        for (const name of own) {
            expect(up.spec.envRefs[name]).not.toEqual(preview.spec.envRefs[name]);
        }
        const workspace = ({ spec, metadata }: StackManifest) =>
            JSON.stringify(spec.workspaceTemplate).replaceAll(`"${metadata?.name}-kubeconfig"`, '"kubeconfig"');
        expect(workspace(up)).toBe(workspace(preview));
        expect(up.spec.serviceAccountName).not.toBe(preview.spec.serviceAccountName);
    });

    test("fetch nothing: program, pack and plugins are those of one image", () => {
        const { image, podTemplate } = up.spec.workspaceTemplate.spec;
        expect(podTemplate.spec.initContainers.map((container) => container.image)).toEqual([image]);
        expect(isRun({ metadata: podTemplate.metadata })).toBe(true);
        expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
        expect(up.spec.projectRepo ?? up.spec.fluxSource).toBeUndefined();
    });
});

describe("the pod that the operator makes of a Stack", () => {
    const { image, podTemplate } = stackIn("up.yaml").spec.workspaceTemplate.spec;

    test("is restricted enough for the fleet's namespace", async () => {
        const { status, body } = await create(api.config, workspacePod(image, podTemplate.spec), true);
        expect({ status, message: body.message }).toMatchObject({ status: 201 });
    });

    test("would be kept out of it if it were not", async () => {
        const changed = structuredClone(podTemplate.spec);
        changed.initContainers[0].securityContext = { privileged: true };
        const { status, body } = await create(api.config, workspacePod(image, changed), true);
        expect(status).toBe(403);
        expect(body.message).toContain('violates PodSecurity "restricted');
    });
});

describe.sequential("the operator's resource definitions", () => {
    beforeEach(({ skip }) => skip(!PKO_CRDS, NO_CRDS));

    test("accept the Stacks with every field known", async () => {
        await expectAccepted("preview.yaml");
        await expectAccepted("up.yaml");
    });

    test("refuse a Stack with a field that they do not know, one of a wrong type, and one without its stack", async () => {
        const changed = (change: (spec: StackManifest["spec"]) => void) => {
            const stack = structuredClone(stackIn("up.yaml"));
            change(stack.spec);
            return create(api.config, stack, true);
        };
        const unknown = await changed((spec) => (spec.policyPacks = ["/opt/kamino/policies"]));
        expect(unknown.status).toBe(400);
        expect(unknown.body.message).toContain('unknown field "spec.policyPacks"');
        const nested = await changed((spec) => Object.assign(spec.workspaceTemplate.spec, { policyPacks: [] }));
        expect(nested.body.message).toContain('unknown field "spec.workspaceTemplate.spec.policyPacks"');
        const wrongType = await changed((spec) => (spec.resyncFrequencySeconds = "daily"));
        expect(wrongType.status).toBe(422);
        expect(wrongType.body.message).toContain("spec.resyncFrequencySeconds");
        const missing = await changed((spec) => delete (spec as { stack?: string }).stack);
        expect(missing.body.message).toContain("spec.stack: Required value");
    });
});

describe.sequential("the admission policy", () => {
    beforeEach(({ skip }) => skip(!PKO_CRDS, NO_CRDS));

    /** What the API server says to the file's Stack under another name, changed. */
    async function asked(file: string, change: (stack: StackManifest) => void = () => undefined) {
        const stack = structuredClone(stackIn(file));
        stack.metadata!.name = stack.metadata!.name!.replace("prod-weu-1", "prod-weu-2");
        change(stack);
        const { status, body } = await create(api.config, stack, true);
        return { status, message: body.message };
    }

    const withOwnPreview = (stack: StackManifest) => {
        const [, ...others] = stack.spec.prerequisites ?? [];
        const requirement = { succeededWithinDuration: "1h" };
        stack.spec.prerequisites = [{ name: "prod-weu-2-preview", requirement }, ...others];
    };

    test("is accepted, and comes into force", async () => {
        await expectAccepted("admission.yaml");
        await waitFor("the admission policy", async () =>
            (await asked("up.yaml", ({ spec }) => delete spec.prerequisites)).status === 422 ? true : undefined,
        );
    });

    test("lets the fleet's own Stacks in", async () => {
        expect(await asked("preview.yaml")).toMatchObject({ status: 201 });
        expect(await asked("up.yaml", withOwnPreview)).toMatchObject({ status: 201 });
    });

    test.each<[string, string, (stack: StackManifest) => void]>([
        [
            "without the policy pack",
            "PULUMI_OPTION_POLICY_PACK must",
            ({ spec }) => delete spec.envRefs.PULUMI_OPTION_POLICY_PACK,
        ],
        [
            "with its own pack",
            "PULUMI_OPTION_POLICY_PACK must",
            ({ spec }) => (spec.envRefs.PULUMI_OPTION_POLICY_PACK.literal!.value = "/tmp/mine"),
        ],
        [
            "with its own options",
            "PULUMI_OPTION_POLICY_PACK_CONFIG must",
            ({ spec }) => delete spec.envRefs.PULUMI_OPTION_POLICY_PACK_CONFIG,
        ],
        [
            "with an image by tag",
            "must be ghcr.io/example/kamino, by digest",
            ({ spec }) => (spec.workspaceTemplate.spec.image = "ghcr.io/example/kamino:latest"),
        ],
        ["without a preview before it", "must name its own preview", ({ spec }) => delete spec.prerequisites],
        ["that would destroy", "destroyOnFinalize must be false", ({ spec }) => (spec.destroyOnFinalize = true)],
    ])("keeps out a Stack %s", async (_, reason, change) => {
        const answer = await asked("up.yaml", (stack) => {
            withOwnPreview(stack);
            change(stack);
        });
        expect(answer.status).toBe(422);
        expect(answer.message).toContain(reason);
    });
});
