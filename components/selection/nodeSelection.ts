// The resource that says which node a pool's next image comes from, and which images the pool has. Its shell: types and
// names.
import * as pulumi from "@pulumi/pulumi";
import type { Bootstrap } from "../../policies/contract";
import type { MachinesAt } from "../capi/machines";
import type { CaptureMode } from "../capture/mode";
import { DynamicResource } from "../engine/shell";
import type { MinimumNodes } from "../node/nodeList";
import type { DiskContent } from "./content";
import type { KubernetesSettings } from "../node/kubernetes";

/** What is asked of a node before it is taken. */
export interface SelectionRules {
    minimumReadyTimeMs: number;
    /** How long a new machine has to become a Ready node. */
    newNodeTimeoutMs: number;
    minimumCandidates: number;
    maximumImageAgeMs?: number;
    prefer: "newest" | "longest-ready";
    ignoreNodes: string[];
    ignoreAnnotations: string[];
}

/** One node that was chosen, and the image version that is made of its OS disk. */
export interface Choice {
    version: string;
    node: string;
    /** Number of the VM in its scale set, or name of a single VM. */
    instanceId: string;
    /** When kured saw the need for the node's latest reboot, RFC 3339 in UTC, to the second. */
    rebootNeededAt: string;
    /**
     * The same under the name that earlier versions gave it, in choices that they made: their images carry it as a tag.
     */
    patched?: string;
    /** Which way its disk is captured; choices of earlier versions do not have it. */
    capture?: CaptureMode;
    /** `keep` where machines that start from it still join by their own bootstrap. */
    bootstrap?: Bootstrap;
    /** What is on the disk; choices of earlier versions do not have it. */
    content?: DiskContent;
    /** Whether a machine that was made from it has been Ready for long enough; left out as long as none was seen. */
    proven?: boolean;
    /** 1; raised when Azure could not make the version and it is made again. */
    attempt: number;
    /** Whether the version is or was in use though the gallery does not have it any more; left out where it has. */
    missing?: boolean;
}

/** An image from which no machine became a Ready node in time. It is not used unless the configuration trusts it. */
export interface FailedImage {
    version: string;
    /** How many machines had been made from it when that was found. */
    machines: number;
    /** Names of those that were late. */
    late: string[];
}

/**
 * An image that Azure has failed to make as often as it is tried. It is not tried again until a person names its node.
 */
export type GivenUp = Pick<Choice, "version" | "node">;

/** Where a pool's VMs and its images are. */
export interface PoolPlace {
    /** ARM id of the scale set, or the id of a pool of single VMs. */
    scaleSetId: string;
    /** May narrow what is read of the cluster; which node is in the pool is decided by its provider id. */
    computerNamePrefix?: string;
    /** What tells which VMs are the pool's, where they are single ones. */
    machines?: MachinesAt;
    /** ARM id of the pool's image definition, which may not exist yet. */
    imageDefinitionId: string;
}

/** A pool of the run, as far as it tells what is to be read of it. */
export interface PoolOfRun extends PoolPlace {
    /** The live model's `imageReference.id`. */
    imageId?: string;
}

/** The pool whose new nodes have to prove an image before this pool takes one as new. */
export interface Canary extends PoolPlace, Pick<SelectionRules, "minimumReadyTimeMs" | "newNodeTimeoutMs"> {
    pool: string;
}

/** What a selection is made from. */
export interface NodeSelectionArgs extends PoolOfRun {
    /** The pool's name, for messages. */
    pool: string;
    /** The name of its Cluster, where Cluster API has the pool. */
    cluster?: string;
    /** All pools of the run, this one among them: what is read of them is read together. */
    poolsOfRun: PoolOfRun[];
    /** The kubelet version that the pool is to have; what most of its nodes have if left out. */
    kubeletVersion?: string;
    rules: SelectionRules;
    /** How many of the pool's other nodes must be in service; all of them if left out. */
    minimumReadyNodes?: MinimumNodes;
    /** The configured way of capturing; the cluster decides if left out. */
    captureMode?: CaptureMode;
    /** Whether new nodes still join by their own bootstrap; the pool's nodes tell if left out. */
    bootstrap?: Bootstrap;
    /** Whether the live model, or what the stack said before, tells that new nodes join by their own bootstrap. */
    keptBootstrap?: boolean;
    /** How many versions to keep. */
    maxHistory: number;
    /** Versions that an earlier update of the stack has finished. */
    made?: string[];
    /** The one of them that the state protects. */
    retained?: string;
    /** The one node to take. */
    node?: string;
    /** The one version to use. */
    pin?: string;
    /** Versions that must not be used. */
    reject?: string[];
    /** Versions that may be used whatever the machines made from them say. */
    trust?: string[];
    canary?: Canary;
    kubernetes: KubernetesSettings;
}

/** What a selection is: returned by `check`, and so known in a preview. */
export interface NodeSelectionState {
    pool: string;
    scaleSetId: string;
    kubernetes: KubernetesSettings;
    /** Versions that the pool keeps, newest last. */
    versions: Choice[];
    /** The version that the model is to point at; empty when there is none yet. */
    current: string;
    currentNode: string;
    /** Nodes that a capture that died left out of service; this run restores them. */
    nodesToRecover: string[];
    /** Images that are not tried again; left out where there are none. */
    givenUp?: GivenUp[];
    /** Images that failed; left out where there are none. */
    failed?: FailedImage[];
    explanation: string;
}

/**
 * The state as this version or an earlier one has written it: then the nodes are in `restore`, and choices have only
 * `patched`.
 */
export type StoredSelectionState = Partial<
    Omit<NodeSelectionState, "versions"> & {
        versions: (Omit<Choice, "rebootNeededAt"> & { rebootNeededAt?: string })[];
        restore: string[];
    }
>;

/** The state in today's terms. */
export function readState({ restore, versions, ...state }: StoredSelectionState): Partial<NodeSelectionState> {
    return {
        ...state,
        nodesToRecover: state.nodesToRecover ?? restore,
        versions: versions?.map((choice) => ({
            ...choice,
            rebootNeededAt: choice.rebootNeededAt ?? choice.patched ?? "",
        })),
    };
}

/**
 * Asks the cluster and the gallery at every preview which node the pool's next image is to come from. Unchanged when no
 * node is better than the newest image. It touches nothing but nodes that a capture that died left out of service:
 * those it restores.
 */
export class NodeSelection extends DynamicResource {
    declare readonly versions: pulumi.Output<Choice[]>;
    declare readonly current: pulumi.Output<string>;
    declare readonly currentNode: pulumi.Output<string>;
    declare readonly nodesToRecover: pulumi.Output<string[]>;
    declare readonly explanation: pulumi.Output<string>;

    constructor(name: string, args: NodeSelectionArgs, opts?: pulumi.CustomResourceOptions) {
        const outputs = {
            versions: undefined,
            current: undefined,
            currentNode: undefined,
            nodesToRecover: undefined,
            explanation: undefined,
        };
        super("components/selection/provider", "NodeSelection", name, { ...outputs, ...args }, opts);
    }
}

/**
 * What becomes of a pool's bootstrap: what the configuration says, or what was found.
 *
 * @param choices the pool's versions, each of which says what was found when it was chosen
 * @param kept whether it is kept already
 */
export function bootstrapOf(
    configured: Bootstrap | undefined,
    choices: Pick<Choice, "bootstrap">[],
    kept = false,
): Bootstrap {
    const keeps = kept || choices.some(({ bootstrap }) => bootstrap === "keep");
    return configured ?? (keeps ? "keep" : "remove");
}
