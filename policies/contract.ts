// What the program states for the policy pack to read: the types of its resources, its record of a model, and what each
// pool's component says of itself. The program writes it, the pack reads it; they share no other code.
import { createHash } from "node:crypto";

/**
 * The tokens of a type of Microsoft.Compute: of the SDK's default API version (`azure-native:compute:NAME`), of a named
 * one (`azure-native:compute/v20240701:NAME`), and of the package that `pulumi package add azure-native compute
 * v20241101` makes, which since azure-native 3 is how versions are named:
 * `azure-native_compute_v20241101:compute/v20241101:NAME`.
 * Source: createSchema in
 * https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/provider/provider_parameterize.go
 */
function computeType(name: string): RegExp {
    return new RegExp(`^azure-native(_compute_v\\w+)?:compute(/v\\w+)?:${name}$`, "i");
}

export const SCALE_SET = computeType("VirtualMachineScaleSet");
export const IMAGE_VERSION = computeType("GalleryImageVersion");
export const IMAGE_DEFINITION = computeType("GalleryImage");
export const GALLERY = computeType("Gallery");
/** The dynamic resource that takes a node's OS disk; its output `snapshotId` is what an image version is made from. */
export const CAPTURE = /^pulumi-nodejs:dynamic\/kamino:OsDiskCapture$/;
/** The dynamic resource that chooses the node; its output `current` is the version to use, empty before the first. */
export const SELECTION = /^pulumi-nodejs:dynamic\/kamino:NodeSelection$/;
/**
 * The dynamic resource that shows what others have changed of a model; its input `statement` is the pool's
 * `PrototypeStatement`.
 */
export const FOREIGN_CHANGES = /^pulumi-nodejs:dynamic\/kamino:ForeignChanges$/;
/** The dynamic resource that adds nodes after a bump; its inputs are a `NewNodesStatement`. */
export const NEW_UPDATED_NODES = /^pulumi-nodejs:dynamic\/kamino:NewUpdatedNodes$/;
/** The component that holds one pool's resources, and states a `PrototypeStatement`. */
export const PROTOTYPE = /^kamino:index:VmssPrototype$/;
/** The component that holds what a schedule needs in Kubernetes. */
export const SCHEDULE = /^kamino:index:Schedule$/;

/**
 * The dynamic resource that points a MachinePool of Cluster API at an image; its inputs are a `MachinePoolStatement`.
 */
export const MACHINE_POOL_IMAGE = /^pulumi-nodejs:dynamic\/kamino:MachinePoolImage$/;

/**
 * The dynamic resource that makes an AzureMachineTemplate for an image; its inputs are a `MachineTemplateStatement`.
 */
export const MACHINE_TEMPLATE = /^pulumi-nodejs:dynamic\/kamino:MachineTemplate$/;

/**
 * The dynamic resource that points a MachineDeployment or MachineSet at a template; its inputs are an
 * `InfrastructureRefStatement`.
 */
export const INFRASTRUCTURE_REF = /^pulumi-nodejs:dynamic\/kamino:InfrastructureRef$/;

/** What is done when somebody else has changed a model since this stack's last run. */
export type OnForeignChange = "stop" | "restore" | "adopt";

/** What becomes of the custom data and the extensions by which a new node of a pool joins. */
export type Bootstrap = "keep" | "remove";

/**
 * What is recorded of a model: a few short values among a stack's outputs. Records of earlier versions have the first
 * two.
 */
export interface ModelRecord {
    /** ARM id of the image, or `publisher:offer:sku:version` of a marketplace one. */
    image: string;
    /**
     * A digest of each other part, which tells whether it changed: `tags=4f1c02aa
     * virtualMachineProfile.networkProfile=…`.
     */
    rest: string;
    /** The model's extensions, each as `NAME (PUBLISHER/TYPE)`. */
    extensions?: string[];
    /** ARM ids of the user-assigned identities, in lower case. */
    identities?: string[];
    /** The parts of `UPGRADE_SETTINGS` that the model has, as they are. */
    upgradeSettings?: Record<string, unknown>;
    /** Names of the extensions that are declared to wait for none (`provisionAfterExtensions: []`). */
    unordered?: string[];
    /** The tag `orchestrator`, by which AKS Engine says which Kubernetes version it last wrote the model for. */
    orchestrator?: string;
}

/**
 * A foreign image that the configuration accepted (`onForeignChange: adopt`): the model stays as it is for the time
 * being.
 */
export interface AcceptedImage {
    /** The image that somebody else pointed the model at, as in `ModelRecord`. */
    image: string;
    /** This stack's own version that the model would point at. A newer one ends the acceptance. */
    insteadOf: string;
}

/** One pool in the outputs of the stack's last successful update, as far as the next run and the policies need it. */
export interface PreviousPool {
    adopted?: boolean;
    /** The version that the model was pointed at, or was about to be; empty before the first. */
    version?: string;
    /** Versions that the stack kept. */
    versions?: string[];
    /** The regions that they went to, in updates of this version and later ones. */
    regions?: string[];
    /** The one of them that stays in Azure when the pool leaves the stack; empty for none. */
    retained?: string;
    /** ARM id of the scale set, or the `machinesId` of a pool of single VMs. */
    scaleSetId?: string;
    /** ARM id of the image definition that the versions are in. */
    imageDefinitionId?: string;
    model?: ModelRecord;
    accepted?: AcceptedImage;
    /** Whether new nodes still join by their own bootstrap. */
    bootstrap?: Bootstrap;
    /** Whether the stack has a ForeignChanges resource for the pool. */
    foreignChangesSeen?: boolean;
    /** The versions that the stack has a NewUpdatedNodes resource for. */
    newNodes?: string[];
}

/** What a NewUpdatedNodes declares, as far as the policies look at it. */
export interface NewNodesStatement {
    pool: string;
    /** The version that the added nodes start from. */
    version: string;
    /** How many nodes are added at most. */
    nodes: number;
}

/** What keeps a changed image of a MachinePool from replacing its machines. */
export interface NoRollout {
    /** As in the AzureMachinePool's strategy: a number or a percentage. */
    maxSurge: number | string;
    maxUnavailable: number | string;
    /** Which other program sets the number of machines (cluster.x-k8s.io/replicas-managed-by), if one does. */
    replicasManagedBy?: string;
    /** Whether CAPZ was seen to run with the gate SkipMachinePoolModelReconciliation. */
    skipsModelReconciliation?: boolean;
}

/** A version in a gallery, as CAPZ's objects name it. */
export interface ComputeGalleryStatement {
    subscriptionID: string;
    resourceGroup: string;
    gallery: string;
    name: string;
    version: string;
}

/** What a MachinePoolImage declares, as far as the policies look at it. */
export interface MachinePoolStatement {
    /** `NAMESPACE/NAME` of the MachinePool. */
    machinePool: string;
    /** The version that it points at, as the AzureMachinePool's field has it. */
    computeGallery: ComputeGalleryStatement;
    noRollout: NoRollout;
}

/** What a MachineTemplate declares, as far as the policies look at it. */
export interface MachineTemplateStatement {
    /** The version that machines made from it start from. */
    computeGallery: ComputeGalleryStatement;
    /** Name of the AzureMachineTemplate. */
    template?: string;
}

/** What an InfrastructureRef declares, as far as the policies look at it. */
export interface InfrastructureRefStatement {
    /** `MachineDeployment NAMESPACE/NAME` or `MachineSet NAMESPACE/NAME`. */
    machines: string;
    /** The AzureMachineTemplate that it points at. */
    infrastructureRef: { name: string };
    /** Of a MachineDeployment what it does with machines of another template; of a MachineSet nothing. */
    strategy?: string;
}

/**
 * Whether another template replaces no machine: a MachineDeployment of strategy OnDelete waits until somebody deletes
 * one, and a MachineSet looks at its template when it makes a machine, and at no other time. Tried with Cluster API
 * 1.13.3.
 */
export function keepsMachines({
    machines,
    strategy,
}: Pick<InfrastructureRefStatement, "machines" | "strategy">): boolean {
    return strategy === "OnDelete" || (strategy === undefined && machines.startsWith("MachineSet "));
}

/** Whether a number or percentage of machines is none, however many there are. */
export function isZero(value: number | string): boolean {
    return /^0+%?$/.test(String(value));
}

/**
 * Whether a changed image replaces no machine. A surge above zero starts a rollout, whatever else is set: unless
 * another program sets the number of machines, which CAPZ then neither raises nor lowers. Without a surge a machine is
 * replaced only as far as machines may be unavailable, and not with CAPZ's gate. Tried with CAPZ 1.25.0.
 */
export function neverRollsOut({ maxSurge, maxUnavailable, ...set }: NoRollout): boolean {
    const keepsAll = isZero(maxUnavailable) || set.skipsModelReconciliation === true;
    return set.replicasManagedBy !== undefined || (isZero(maxSurge) && keepsAll);
}

/** What a pool's component says of itself, as its inputs and outputs. */
export interface PrototypeStatement {
    /** `NAMESPACE/NAME` of the pool's MachinePool, where Cluster API has it. Then no scale set is in the stack. */
    machinePool?: string;
    /** `MachineDeployment NAMESPACE/NAME` or `MachineSet NAMESPACE/NAME`, where those make the pool's VMs; likewise. */
    machines?: string;
    /** The scale set's resource options. The engine tells policies of `protect` alone. */
    scaleSetOptions?: { protect?: boolean; retainOnDelete?: boolean };
    /** What the stack's last successful update said of the pool. Empty on the first run. */
    previous?: PreviousPool;
    /** The record of the model as Azure had it at the start of this run. */
    live?: ModelRecord;
    /** ARM id of the pool's image definition. */
    imageDefinitionId?: string;
    /** The version that the configuration pins; a model that points at it already was not changed by others. */
    pin?: string;
    /** Versions that the configuration rejects, and those that it trusts whatever their machines say. */
    reject?: string[];
    trust?: string[];
    onForeignChange?: OnForeignChange;
    /** The foreign image that this run leaves in the model; known once the node is selected. */
    accepted?: AcceptedImage;
    /** The version with the options protect and retainOnDelete; likewise. */
    retained?: string;
}

/** Parts of a model that say how it gets onto running nodes: what others change there is said, whatever the image. */
export const UPGRADE_SETTINGS = [
    "upgradePolicy",
    "automaticRepairsPolicy",
    "overprovision",
    "doNotRunExtensionsOnOverprovisionedVMs",
    "resiliencyPolicy",
];

/**
 * Tag of a scale set whose new nodes still join by their own custom data. Its value is `kept`, and more where the stack
 * has written its model over somebody else's.
 */
export const BOOTSTRAP_TAG = "kamino-bootstrap";

/**
 * Tag of a scale set that says for which version nodes were added, and to which capacity: `2026.1122.0412=5`. It is
 * written with that capacity, and is not part of the model.
 */
export const NEW_NODES_TAG = "kamino-new-nodes";

/** Tag of a gallery and an image definition: which stack made it. */
export const STACK_TAG = "kamino-stack";

/** Whether a scale set's tags say that its bootstrap is kept on purpose. */
export function keepsBootstrap(tags: Record<string, unknown> | undefined): boolean {
    const value = tags?.[BOOTSTRAP_TAG];
    return typeof value === "string" && /^kept(;|$)/.test(value);
}

type Json = Record<string, unknown>;

/**
 * Parts that a bump changes, and those that are not part of the model: `sku` leaves the stack's state after the
 * adoption, and the official azure-native plugin adds `azureApiVersion` to the inputs that policies see. Earlier
 * versions recorded and declared `constrainedMaximumCapacity` also where Azure answers false.
 */
const NOT_RECORDED = [
    "virtualMachineProfile.extensionProfile",
    "sku",
    "resourceGroupName",
    "vmScaleSetName",
    "azureApiVersion",
    "constrainedMaximumCapacity",
];

/**
 * The record of a model. Pure: equal models give equal records, whatever the order of their properties; null, absent
 * and empty are the same thing in these models and count as such.
 *
 * @param model the inputs of an azure-native VirtualMachineScaleSet, as plain values
 */
export function recordOf(model: object): ModelRecord {
    const { virtualMachineProfile, ...top } = model as Json & { virtualMachineProfile?: Json };
    const { storageProfile, osProfile, ...profile } = virtualMachineProfile ?? {};
    const { imageReference, ...storage } = (storageProfile ?? {}) as Json & { imageReference?: Record<string, string> };
    const os = { ...(osProfile as Json | undefined), customData: undefined };
    // What is recorded leaves out the program's own tags.
    const own = { [BOOTSTRAP_TAG]: undefined, [NEW_NODES_TAG]: undefined };
    const parts: Json = { ...top, tags: { ...(top.tags as Json | undefined), ...own } };
    for (const [name, part] of Object.entries({ ...profile, storageProfile: storage, osProfile: os })) {
        parts[`virtualMachineProfile.${name}`] = part;
    }
    const filled = Object.entries(parts).flatMap(([name, part]) => {
        const text = canonical(part);
        return text === undefined || NOT_RECORDED.includes(name) ? [] : [`${name}=${digest(text)}`];
    });
    const unordered = unorderedIn(profile.extensionProfile);
    const orchestrator = (top.tags as Record<string, string> | undefined)?.orchestrator;
    return {
        image: imageName(imageReference ?? {}),
        rest: filled.sort().join(" "),
        extensions: extensionsOf(profile.extensionProfile),
        identities: identitiesOf(top.identity),
        upgradeSettings: Object.fromEntries(
            UPGRADE_SETTINGS.flatMap((name) => (canonical(top[name]) === undefined ? [] : [[name, top[name]]])),
        ),
        ...(unordered.length > 0 && { unordered }),
        ...(orchestrator && { orchestrator }),
    };
}

/** The record of a model of which nothing but the image is looked at. */
export function recordOfImage(imageReference: object | undefined): ModelRecord {
    return recordOf({ virtualMachineProfile: { storageProfile: { imageReference } } });
}

/** The parts of the model, by name, that differ between two records. */
export function changedParts(before: ModelRecord, now: ModelRecord): string[] {
    const [old, current] = [before, now].map(
        ({ rest = "" }: Partial<ModelRecord>) => new Set(rest.split(" ").filter(Boolean)),
    );
    const differing = [...old, ...current].filter((part) => !old.has(part) || !current.has(part));
    const names = differing.map((part) => part.slice(0, part.lastIndexOf("=")));
    // Records of earlier versions have more parts.
    return [...new Set(names)].filter((name) => !NOT_RECORDED.includes(name)).sort();
}

/** Whether two records have the same image; Azure compares ids without case. */
export function sameImage(before: ModelRecord, now: ModelRecord): boolean {
    const [old, current] = [before, now].map(({ image = "" }: Partial<ModelRecord>) => image.toLowerCase());
    return old === current;
}

/** An extension in a record: `vmssCSE (Microsoft.Azure.Extensions/CustomScript)`. */
export function extensionText({ name, publisher, type }: { name?: string; publisher?: string; type?: string }): string {
    return `${name ?? ""} (${publisher ?? ""}/${type ?? ""})`;
}

function extensionsOf(profile: unknown): string[] {
    const { extensions } = (profile ?? {}) as { extensions?: { name?: string; publisher?: string; type?: string }[] };
    return (extensions ?? []).map(extensionText).sort();
}

function unorderedIn(profile: unknown): string[] {
    const { extensions } = (profile ?? {}) as { extensions?: { name?: string; provisionAfterExtensions?: string[] }[] };
    const found = (extensions ?? []).filter(({ provisionAfterExtensions: order }) => order?.length === 0);
    return found.map(({ name = "" }) => name).sort();
}

/** Ids of user-assigned identities: a list in inputs, a map by id in what Azure answers. */
function identitiesOf(identity: unknown): string[] {
    const { userAssignedIdentities: ids } = (identity ?? {}) as { userAssignedIdentities?: string[] | object };
    return (Array.isArray(ids) ? (ids as string[]) : Object.keys(ids ?? {})).map((id) => id.toLowerCase()).sort();
}

function imageName({ id, publisher, offer, sku, version, ...others }: Record<string, string | undefined>): string {
    return (
        id ??
        others.sharedGalleryImageId ??
        others.communityGalleryImageId ??
        [publisher, offer, sku, version].filter(Boolean).join(":")
    );
}

function digest(text: string): string {
    return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

/** JSON with sorted keys and without what is null or empty; undefined when nothing is left. */
function canonical(value: unknown): string | undefined {
    if (value === null || value === undefined) {
        return undefined;
    }
    if (Array.isArray(value)) {
        return value.length === 0 ? undefined : `[${value.map((item) => canonical(item) ?? "null").join()}]`;
    }
    if (typeof value === "object") {
        const members = Object.entries(value)
            .flatMap(([name, member]) => {
                const text = canonical(member);
                return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
            })
            .sort();
        return members.length === 0 ? undefined : `{${members.join()}}`;
    }
    return JSON.stringify(value);
}
