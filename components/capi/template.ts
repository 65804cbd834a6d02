// The AzureMachineTemplate for an image: what it is made of, what it is called, and when it may go. Pure.
import { isDeepStrictEqual } from "node:util";
import type { V1ObjectMeta } from "@kubernetes/client-node";
import { isImage, type ComputeGallery } from "./image";
import { CORE, INFRASTRUCTURE, INFRASTRUCTURE_VERSION } from "./objects";
import { shortDigest } from "../core/digest";
import { machinesText, type MachinesName } from "../core/machinesId";
import type { AzureMachineTemplate, CapiMachines } from "./machines";

type Spec = AzureMachineTemplate["spec"];

/** Label of what this program has made in a management cluster. */
const OWNED_LABEL = "app.kubernetes.io/managed-by";
const OWNED_VALUE = "kamino";
/** Selects it. */
export const OWNED_SELECTOR = `${OWNED_LABEL}=${OWNED_VALUE}`;
/** Annotation of a template: `MachineDeployment NAMESPACE/NAME` for which it was made. */
const FOR = "kamino/machines";
/** Annotation of a template that the stack does not have any more: it goes once nothing refers to it. */
const RELEASED = "kamino/released";

/** The spec with another image. All else stays, so that new machines differ in their image alone. */
export function withImage({ template }: Spec, computeGallery: ComputeGallery): Spec {
    return { template: { ...template, spec: { ...template.spec, image: { computeGallery } } } };
}

/** Whether two templates make machines that differ in their image at most. */
export function differsInImageAlone(a: Spec, b: Spec): boolean {
    const plain = ({ template }: Spec) => ({ ...template, spec: { ...template.spec, image: undefined } });
    return isDeepStrictEqual(plain(a), plain(b));
}

/** Whether two templates make the same machines. */
export function isSameTemplate(a: Spec, b: Spec): boolean {
    return isDeepStrictEqual(a, b);
}

/** The longest name that an object has, less what is put behind it. */
const MOST_NAME = 253 - 40;

/**
 * The name of the template for a version: `NAME-VERSION`. With a digest of what is in it where another template has
 * that name already: a template cannot be changed.
 *
 * @param taken the template of the plain name, if there is one
 */
export function templateName(owner: string, version: string, wanted: Spec, taken?: Spec): string {
    const plain = `${owner.slice(0, MOST_NAME)}-${version}`;
    if (!taken || isSameTemplate(taken, wanted)) {
        return plain;
    }
    return `${plain}-${shortDigest(JSON.stringify(sorted(wanted)))}`;
}

function sorted(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(sorted);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    return Object.fromEntries(
        Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, member]) => [key, sorted(member)]),
    );
}

/** Whether new machines start from the image already, by whichever template. */
export function hasImage({ template }: CapiMachines, computeGallery: ComputeGallery): boolean {
    return isImage(template.spec.template.spec.image, computeGallery);
}

/** A template as it is created. It belongs to its Cluster, as every template of Cluster API does: it goes with that. */
export function newTemplate(
    name: string,
    spec: Spec,
    at: MachinesName,
    { owner, apiVersion, cluster }: CapiMachines,
): object {
    const clusterName = owner.spec.clusterName;
    return {
        apiVersion: `${INFRASTRUCTURE}/${INFRASTRUCTURE_VERSION}`,
        kind: "AzureMachineTemplate",
        metadata: {
            name,
            namespace: at.namespace,
            // None of the labels and annotations of the one that it is made from: by those of Argo CD, say, it would be
            // taken away.
            labels: { [OWNED_LABEL]: OWNED_VALUE },
            annotations: { [FOR]: machinesText(at) },
            ...(cluster && {
                ownerReferences: [
                    { apiVersion: `${CORE}/${apiVersion}`, kind: "Cluster", name: clusterName, uid: cluster.uid },
                ],
            }),
        },
        spec,
    };
}

/** Whether this program made a template for these machines. */
export function isOurs({ metadata }: AzureMachineTemplate, at: MachinesName): boolean {
    return metadata.labels?.[OWNED_LABEL] === OWNED_VALUE && metadata.annotations?.[FOR] === machinesText(at);
}

/** The change that says that a template goes once nothing refers to it, or that it stays. */
export function releasePatch(released: boolean): object {
    return { metadata: { annotations: { [RELEASED]: released ? "true" : null } } };
}

/** Whether a template is to go once nothing refers to it. */
export function isReleased({ metadata }: AzureMachineTemplate): boolean {
    return Object.hasOwn(metadata.annotations ?? {}, RELEASED);
}

/** What refers to templates, as far as it is looked at. */
export interface Referrer {
    kind?: string;
    metadata: V1ObjectMeta;
    spec: { template: { spec: { infrastructureRef: { kind: string; name: string } } } };
}

/** The names of those that refer to a template: new machines of theirs are made from it. */
export function referrersTo(template: string, all: Referrer[]): string[] {
    const refersToIt = ({ spec }: Referrer) => {
        const { kind, name } = spec.template.spec.infrastructureRef;
        return kind === "AzureMachineTemplate" && name === template;
    };
    return all.filter(refersToIt).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

/** The change that points machines at a template, as a JSON merge patch; only if the object is still that version. */
export function referencePatch(name: string, resourceVersion: string): object {
    return { metadata: { resourceVersion }, spec: { template: { spec: { infrastructureRef: { name } } } } };
}
