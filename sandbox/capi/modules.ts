// What the pinned Go modules bring besides the managers: their resource definitions and webhooks, read where Go keeps
// the modules.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type {
    V1CustomResourceDefinition,
    V1MutatingWebhookConfiguration,
    V1ValidatingWebhookConfiguration,
} from "@kubernetes/client-node";
import { parseAllDocuments } from "yaml";
import { repository } from "../engine/paths";

const run = promisify(execFile);
const MODULE_FOLDER = join(repository, "sandbox", "capi");

/** A manager's name, which is its executable's too. */
export type Manager = "capi" | "capz" | "kubeadm-bootstrap";

interface Source {
    module: string;
    /** Its folder within the module. */
    folder?: string;
    /**
     * Labels by which Cluster API finds the version of a provider's kind that fulfils its contract. clusterctl's
     * manifests have them from kustomize.
     */
    contract: Record<string, string>;
}

const CORE = "sigs.k8s.io/cluster-api";
const BOTH = { "cluster.x-k8s.io/v1beta1": "v1beta1", "cluster.x-k8s.io/v1beta2": "v1beta2" };
const SOURCES: Record<Manager, Source> = {
    capi: { module: CORE, contract: {} },
    "kubeadm-bootstrap": { module: CORE, folder: "bootstrap/kubeadm", contract: BOTH },
    capz: {
        module: "sigs.k8s.io/cluster-api-provider-azure",
        contract: { "cluster.x-k8s.io/v1beta1": "v1beta1" },
    },
};
/** Core's webhook for Clusters looks for this provider's kinds, whose manager does not run here. */
const CONTROL_PLANE: Source = { module: CORE, folder: "controlplane/kubeadm", contract: BOTH };

/** A webhook configuration as the module has it: for a service that is not there. */
export type WebhookConfiguration = V1MutatingWebhookConfiguration | V1ValidatingWebhookConfiguration;

/** The resource definitions of all providers, each with the manager that converts between its versions, if one does. */
export async function resourceDefinitions(): Promise<{ definition: V1CustomResourceDefinition; manager?: Manager }[]> {
    const managers = Object.keys(SOURCES) as Manager[];
    const found = managers.map(async (manager) =>
        (await definitionsOf(SOURCES[manager])).map((definition) => ({ definition, manager })),
    );
    const others = (await definitionsOf(CONTROL_PLANE)).map((definition) => ({ definition }));
    return [...(await Promise.all(found)).flat(), ...others];
}

/** The webhooks that a manager serves. */
export async function webhooksOf(manager: Manager): Promise<WebhookConfiguration[]> {
    return readAll<WebhookConfiguration>(join(await folderOf(SOURCES[manager]), "config", "webhook", "manifests.yaml"));
}

async function definitionsOf(source: Source): Promise<V1CustomResourceDefinition[]> {
    const folder = join(await folderOf(source), "config", "crd", "bases");
    const definitions = readdirSync(folder)
        .sort()
        .flatMap((file) => readAll<V1CustomResourceDefinition>(join(folder, file)));
    for (const { metadata } of definitions) {
        Object.assign((metadata!.labels ??= {}), source.contract);
    }
    return definitions;
}

async function folderOf({ module, folder = "." }: Source): Promise<string> {
    const { stdout } = await run("go", ["list", "-m", "-f", "{{.Dir}}", module], { cwd: MODULE_FOLDER });
    if (stdout.trim() === "") {
        throw new Error(`the Go module ${module} has not been downloaded; run make test-capi`);
    }
    return join(stdout.trim(), folder);
}

function readAll<T>(file: string): T[] {
    const documents = parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS() as T | null);
    return documents.filter((document) => document !== null);
}
