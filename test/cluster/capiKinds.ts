// The kinds of Cluster API and CAPZ on a real API server, without their managers: objects are taken as they come.
import { ApiextensionsV1Api, CustomObjectsApi } from "@kubernetes/client-node";
import { CORE, INFRASTRUCTURE } from "../../components/capi/objects";
import { waitFor, type Api } from "../../sandbox/nodes/api";

const KINDS = [
    ...["Cluster", "MachinePool", "MachineDeployment", "MachineSet", "Machine"].map((kind) => [CORE, "v1beta2", kind]),
    ...["AzureMachinePool", "AzureMachineTemplate"].map((kind) => [INFRASTRUCTURE, "v1beta1", kind]),
];

/** Makes the kinds that this program reads. */
export async function makeKinds(api: Api): Promise<void> {
    await Promise.all(KINDS.map(([group, version, kind]) => makeKind(api, group, version, kind)));
}

const plural = (kind: string) => `${kind.toLowerCase()}s`;

async function makeKind(api: Api, group: string, version: string, kind: string): Promise<void> {
    const schema = { openAPIV3Schema: { type: "object", x_kubernetes_preserve_unknown_fields: true } };
    const name = `${plural(kind)}.${group}`;
    const crds = api.config.makeApiClient(ApiextensionsV1Api);
    await crds.createCustomResourceDefinition({
        body: {
            metadata: { name },
            spec: {
                ...{ group, scope: "Namespaced", names: { kind, plural: plural(kind) } },
                versions: [{ name: version, served: true, storage: true, schema }],
            },
        },
    });
    await waitFor(`kind ${kind}`, async () => {
        const { status } = await crds.readCustomResourceDefinition({ name });
        return status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") || undefined;
    });
}

/** Makes an object in the namespace `default`. */
export async function makeObject(api: Api, kind: string, object: { metadata: object; spec: object }): Promise<void> {
    const [group, version] = KINDS.find(([, , each]) => each === kind)!;
    const { resourceVersion: _, ...metadata } = object.metadata as { resourceVersion?: string };
    const body = { ...object, apiVersion: `${group}/${version}`, kind, metadata };
    const path = { group, version, namespace: "default", plural: plural(kind) };
    const custom = api.config.makeApiClient(CustomObjectsApi);
    await waitFor(`${kind} to be served`, () =>
        custom.createNamespacedCustomObject({ ...path, body }).catch(() => undefined),
    );
}
