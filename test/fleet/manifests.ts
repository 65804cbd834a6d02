// The manifests of deploy/operator, and creating things on the sandbox's API server as strictly as `kubectl apply
// --validate=strict`.
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import type { KubeConfig, KubernetesObject } from "@kubernetes/client-node";
import { parseAllDocuments } from "yaml";
import { repository } from "../../sandbox/engine/paths";

/** A literal or a reference, as a Stack of the Pulumi Kubernetes Operator gives environment variables. */
export interface EnvRef {
    type: string;
    literal?: { value: string };
    secret?: { name: string; key: string };
}

/** What tests look at in a Stack. */
export interface StackManifest extends KubernetesObject {
    spec: {
        stack: string;
        preview?: boolean;
        prerequisites?: unknown[];
        serviceAccountName: string;
        destroyOnFinalize?: boolean;
        config: Record<string, unknown>;
        envRefs: Record<string, EnvRef>;
        workspaceTemplate: { spec: WorkspaceSpec };
        [member: string]: unknown;
    };
}

/** The pod that the operator runs pulumi in, as far as the manifests say. */
export interface WorkspaceSpec {
    image: string;
    podTemplate: { metadata: { labels: Record<string, string> }; spec: PodTemplate };
}

interface PodTemplate {
    initContainers: Container[];
    containers: Container[];
    volumes: object[];
    securityContext: object;
    [member: string]: unknown;
}

interface Container {
    name: string;
    image?: string;
    command?: string[];
    securityContext?: { capabilities?: object; [member: string]: unknown };
    volumeMounts?: object[];
    [member: string]: unknown;
}

/**
 * The pod that comes of a template: what the operator's workspace controller gives each pod in the security profile
 * "restricted", with the template merged in by its rules.
 */
export function workspacePod(image: string, template: PodTemplate): KubernetesObject {
    const securityContext = {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
    };
    const share = { name: "share", mountPath: "/share" };
    const own = (name: string): Container => ({ name, image, securityContext, volumeMounts: [share] });
    const [pulumi] = template.containers;
    const capabilities = { ...securityContext.capabilities, ...pulumi.securityContext?.capabilities };
    const spec = {
        ...template,
        securityContext: {
            ...{ seccompProfile: { type: "RuntimeDefault" }, runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000 },
            ...template.securityContext,
        },
        initContainers: [own("bootstrap"), own("fetch"), ...template.initContainers],
        containers: [
            {
                ...own("pulumi"),
                ...pulumi,
                securityContext: { ...securityContext, ...pulumi.securityContext, capabilities },
                volumeMounts: [share, ...(pulumi.volumeMounts ?? [])],
            },
        ],
        volumes: [{ name: "share", emptyDir: {} }, ...template.volumes],
    };
    const metadata = { name: "workspace", namespace: "kamino-fleet" };
    return { apiVersion: "v1", kind: "Pod", metadata, spec } as KubernetesObject;
}

/** All objects of one file of deploy/operator. */
export function manifests(file: string): KubernetesObject[] {
    const text = readFileSync(join(repository, "deploy", "operator", file), "utf8");
    return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}

/** The one Stack of a file. */
export function stackIn(file: string): StackManifest {
    const [stack, ...more] = manifests(file).filter(({ kind }) => kind === "Stack");
    if (!stack || more.length > 0) {
        throw new Error(`${file} has not one Stack`);
    }
    return stack as StackManifest;
}

/** What the API server said. */
export interface Answer {
    status: number;
    body: { message?: string };
}

/**
 * Creates an object; unknown and duplicate fields are errors. With `dryRun` all checks are done and nothing is kept.
 */
export async function create(config: KubeConfig, object: KubernetesObject, dryRun = false): Promise<Answer> {
    const { apiVersion = "", kind = "", metadata } = object;
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const within = metadata?.namespace ? `/namespaces/${metadata.namespace}` : "";
    const plural = kind.toLowerCase().replace(/y$/, "ie") + "s";
    const path = `${root}${within}/${plural}?fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`;
    return await post(config, path, "application/json", JSON.stringify(object));
}

/** Sends a body as it is. */
export async function post(config: KubeConfig, path: string, type: string, body: string): Promise<Answer> {
    const options = { method: "POST", headers: { "content-type": type, accept: "application/json" } };
    await config.applyToHTTPSOptions(options);
    return await new Promise((resolve, reject) => {
        const call = request(`${config.getCurrentCluster()?.server}${path}`, options, (answer) => {
            const chunks: Buffer[] = [];
            answer.on("data", (chunk: Buffer) => chunks.push(chunk));
            answer.on("end", () =>
                resolve({
                    status: answer.statusCode ?? 0,
                    body: bodyOf(Buffer.concat(chunks).toString()),
                }),
            );
        });
        call.on("error", reject);
        call.end(body);
    });
}

/** For an unknown kind the answer is plain text. */
function bodyOf(text: string): Answer["body"] {
    try {
        return JSON.parse(text) as Answer["body"];
    } catch {
        return { message: text.trim() };
    }
}
