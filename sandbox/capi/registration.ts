// What the API server has to know of the managers: their kinds, and where each answers for admission and conversion.
import {
    AdmissionregistrationV1Api,
    ApiException,
    ApiextensionsV1Api,
    CustomObjectsApi,
    PatchStrategy,
    setHeaderOptions,
    type V1CustomResourceDefinition,
} from "@kubernetes/client-node";
import { waitFor, type Api } from "../nodes/api";
import { resourceDefinitions, webhooksOf, type Manager, type WebhookConfiguration } from "./modules";

const PATIENCE_MS = 120_000;
const MERGE = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);

/** How the API server reaches a path of a manager's webhook server. */
export type ClientOf = (manager: Manager, path: string) => { url: string; caBundle: string };

/**
 * Makes the kinds of all providers. Where they are there already, from an attempt with other ports, they learn the new
 * address: any change sets up their storage anew, for which clients get 429, so it must not come later.
 */
export async function registerKinds(api: Api, managers: Manager[], clientOf: ClientOf): Promise<void> {
    const definitions = await resourceDefinitions();
    for (const { definition, manager } of definitions) {
        if (manager && managers.includes(manager) && served(definition) > 1) {
            const webhook = { clientConfig: clientOf(manager, "/convert"), conversionReviewVersions: ["v1"] };
            definition.spec.conversion = { strategy: "Webhook", webhook };
        }
    }
    await Promise.all(definitions.map(({ definition }) => createOrPatch(api, definition)));
    const definitionsApi = api.config.makeApiClient(ApiextensionsV1Api);
    const allThere = async () => {
        const { items } = await definitionsApi.listCustomResourceDefinition();
        return items.filter(isEstablished).length >= definitions.length ? true : undefined;
    };
    await waitFor("Cluster API's kinds to be there", allThere, PATIENCE_MS);
}

/** Lets the API server ask the managers before it stores their objects. */
export async function registerWebhooks(api: Api, managers: Manager[], clientOf: ClientOf): Promise<void> {
    const found = await Promise.all(
        managers.map(async (manager) => (await webhooksOf(manager)).map((one) => ({ manager, one }))),
    );
    await Promise.all(
        found.flat().map(({ manager, one }) => createWebhooks(api, one, manager, (path) => clientOf(manager, path))),
    );
}

const served = ({ spec }: V1CustomResourceDefinition) => spec.versions.filter((version) => version.served).length;

const isEstablished = ({ status }: V1CustomResourceDefinition) =>
    status?.conditions?.some((condition) => condition.type === "Established" && condition.status === "True") ?? false;

async function createOrPatch({ config }: Api, body: V1CustomResourceDefinition): Promise<void> {
    // The typed call would drop the members of schemas whose names begin with x-kubernetes.
    const api = config.makeApiClient(CustomObjectsApi);
    const kind = { group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" };
    try {
        await api.createClusterCustomObject({ ...kind, body });
    } catch (error) {
        if (!(error instanceof ApiException && error.code === 409)) {
            throw error;
        }
        const conversion = { spec: { conversion: body.spec.conversion } };
        await api.patchClusterCustomObject({ ...kind, name: body.metadata?.name ?? "", body: conversion }, MERGE);
    }
}

/** Registers webhooks for a server at a URL, where the module's manifest has a service. */
async function createWebhooks(
    { config }: Api,
    configuration: WebhookConfiguration,
    name: Manager,
    client: (path: string) => { url: string; caBundle: string },
): Promise<void> {
    const api = config.makeApiClient(AdmissionregistrationV1Api);
    for (const webhook of configuration.webhooks ?? []) {
        webhook.clientConfig = client(webhook.clientConfig.service?.path ?? "/");
    }
    const body = { ...configuration, metadata: { name } };
    await (configuration.kind === "MutatingWebhookConfiguration"
        ? api.createMutatingWebhookConfiguration({ body })
        : api.createValidatingWebhookConfiguration({ body }));
}
