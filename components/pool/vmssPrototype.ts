// The way of one pool, top to bottom: which node, its OS disk, the image, the model that new nodes start from.
import { compute } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import { OsDiskCapture } from "../capture/osDiskCapture";
import { recordOf, type ModelRecord } from "../../policies/contract";
import type { PreviousPool } from "../../policies/contract";
import { UserError } from "../core/errors";
import { declareImageDefinition } from "./gallery";
import { declareImageVersion } from "./imageVersion";
import { modelAsItIs, modelFromImage, type DeclaredModel, type LiveModel } from "./model";
import { refusal, withExtensionTypes } from "./refusals";
import { NodeSelection, type Choice } from "../selection/nodeSelection";
import { formatDuration } from "../core/duration";
import { sameVersion } from "../core/version";
import type { CaptureSettings } from "../config/load";
import { imageDefinitionId, imageVersionId } from "../azure/ids";
import type { Pool } from "./pool";

/** What a pool's prototype is made of. */
export interface VmssPrototypeArgs {
    /** The pool as it was read: its settings, its live model, where its images go. */
    pool: Pool;
    /** What the stack's last successful update said of the pool: whether it has taken the scale set into the stack, say. */
    previous: PreviousPool;
    /** The gallery, where this stack declares it. */
    gallery?: compute.Gallery;
    /** How to reach the cluster's API server; the usual places where left out. */
    kubernetes: { kubeconfig?: string; context?: string };
}

/** The settings of a capture as its inputs have them: durations as people write them, since a preview and the state show them. */
function inputsOf({ drainTimeoutMs, evictionGracePeriodMs, ...rest }: CaptureSettings) {
    return {
        ...rest,
        drainTimeout: formatDuration(drainTimeoutMs),
        gracePeriod: evictionGracePeriodMs === undefined ? undefined : formatDuration(evictionGracePeriodMs),
    };
}

/** Keeps a scale set when it leaves the stack. Policies read it from the component: the engine tells them of protect alone. */
const KEPT = { protect: true, retainOnDelete: true };

/**
 * Keeps the model of one scale set at the OS image of its most recently rebooted, proven-working node.
 *
 * A preview shows every change: `~ NodeSelection`, `+ OsDiskCapture`, `+ GalleryImageVersion`, and the one line of the
 * scale set's `imageReference.id`. No running node is touched but the one captured, which is put back in service.
 */
export class VmssPrototype extends pulumi.ComponentResource {
    /** Name of the node that the current image comes from; empty before the first image. */
    readonly node: pulumi.Output<string>;
    /** The current version: the model points at it, or does so from the run after the adoption on; empty before the first. */
    readonly version: pulumi.Output<string>;
    /** Versions that this stack keeps, newest last. */
    readonly versions: pulumi.Output<string[]>;
    /** ARM id of the scale set. */
    readonly scaleSetId: pulumi.Output<string>;
    /** True once the scale set is in the stack. */
    readonly adopted: pulumi.Output<boolean>;
    /** A short record of the declared model, from which the policies tell at the next run what else a bump would change. */
    readonly model: pulumi.Output<ModelRecord>;
    /** Why this node, or why none, in one line. */
    readonly explanation: pulumi.Output<string>;

    constructor(
        name: string,
        private readonly args: VmssPrototypeArgs,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        super("kamino:index:VmssPrototype", name, { scaleSetOptions: KEPT }, opts);
        const selection = this.selectNode(name);
        const definition = this.declareDefinition(name);
        const images = pulumi
            .all([selection.versions, selection.current])
            .apply(([choices, current]) => this.keepImages(name, choices, current, [selection, ...definition]));
        const declared = pulumi
            .all([selection.current, this.liveModel(images)])
            .apply(([version, live]) => this.declareScaleSet(name, live, version, images));

        this.node = selection.currentNode;
        this.version = selection.current;
        this.versions = selection.versions.apply((choices) => choices.map(({ version }) => version));
        this.scaleSetId = pulumi.output(args.pool.live.id);
        this.adopted = declared.apply(({ scaleSet }) => scaleSet.id).apply(() => true);
        this.model = declared.apply(({ model }) => recordOf(model));
        this.explanation = selection.explanation;
        this.registerOutputs({ previous: args.previous });
    }

    /** Which node? Asked of the cluster at every preview; unchanged when no node is newer than the newest image. */
    private selectNode(name: string): NodeSelection {
        const { settings, live } = this.args.pool;
        const { node, pin, ...rules } = settings.selection;
        return new NodeSelection(
            name,
            {
                pool: settings.name,
                scaleSetId: live.id,
                computerNamePrefix: live.virtualMachineProfile?.osProfile?.computerNamePrefix,
                imageId: live.virtualMachineProfile?.storageProfile?.imageReference?.id,
                imageDefinitionId: imageDefinitionId(this.args.pool),
                rules,
                minimumReadyNodes: settings.capture.minimumReadyNodes,
                maxHistory: settings.image.maxHistory,
                node,
                pin,
                kubernetes: this.args.kubernetes,
            },
            { parent: this },
        );
    }

    /** Where the pool's images are kept: none to declare when the definition was there before this stack. */
    private declareDefinition(name: string): pulumi.Resource[] {
        const { pool, gallery } = this.args;
        return pool.definition.declared
            ? [declareImageDefinition(name, pool, { parent: this, dependsOn: gallery ? [gallery] : [] })]
            : [];
    }

    /** Oldest first, each after those before it: when a new image is there, the state has the older ones as they are declared now. */
    private keepImages(name: string, choices: Choice[], current: string, dependsOn: pulumi.Resource[]) {
        const images: compute.GalleryImageVersion[] = [];
        for (const choice of choices) {
            const protect = choice.version === current && this.isThere(choice.version);
            images.push(this.keepImage(name, choice, protect, [...dependsOn, ...images]));
        }
        return images;
    }

    /**
     * Whether a version was made by an earlier run. Only such a one is protected, and only while the model is to point at it: what
     * is protected in the state cannot be let go by the run that no longer declares it, and a version that Azure failed to make
     * or that history no longer keeps must go.
     */
    private isThere(version: string): boolean {
        const { pool, previous } = this.args;
        return sameVersion(version, pool.liveVersion ?? "") || (previous.versions ?? []).includes(version);
    }

    /** Take the node's OS disk, and keep it as an image version. Both do something only in an `up`, and once. */
    private keepImage(name: string, choice: Choice, protect: boolean, dependsOn: pulumi.Resource[]) {
        const { pool, kubernetes } = this.args;
        const { capture: settings, kured, tags } = pool.settings;
        const { version, node, instanceId, rebootNeededAt: patched } = choice;
        const capture = new OsDiskCapture(
            `${name}-${version}`,
            {
                ...{ pool: pool.settings.name, version, node, instanceId, patched, scaleSetId: pool.live.id },
                resourceGroup: pool.scaleSet.resourceGroup,
                settings: inputsOf(settings),
                kured,
                tags,
                kubernetes,
            },
            { parent: this, dependsOn },
        );
        const opts = { parent: this, dependsOn: [...dependsOn, capture] };
        return declareImageVersion(`${name}-${version}`, pool, choice, capture.snapshotId, protect, opts);
    }

    /**
     * The model that the desired one is made from. An image takes an hour, and the in-cluster cloud provider writes load
     * balancer pools into this same model: so an `up` reads it again after the images are there, right before it is written.
     * A preview uses what was read at its start, so that its diff is whole.
     */
    private liveModel(images: pulumi.Output<compute.GalleryImageVersion[]>): pulumi.Output<LiveModel> {
        const { live, scaleSet, configKey } = this.args.pool;
        if (pulumi.runtime.isDryRun()) {
            return pulumi.output(live);
        }
        return compute
            .getVirtualMachineScaleSetOutput(
                { resourceGroupName: scaleSet.resourceGroup, vmScaleSetName: scaleSet.name },
                { parent: this, dependsOn: images },
            )
            .apply(withExtensionTypes)
            .apply((read) => {
                const reason = refusal(read, configKey);
                if (reason) {
                    throw new UserError(`${reason} (it was changed while this update ran; nothing was written to it)`);
                }
                return read;
            });
    }

    /**
     * The scale set: first adopted as it is, from the next run on with its model pointing at the image. Protected, and left in
     * Azure when it leaves the stack: `pulumi destroy` must never delete a pool.
     */
    private declareScaleSet(
        name: string,
        live: LiveModel,
        version: string,
        images: pulumi.Output<compute.GalleryImageVersion[]>,
    ): { scaleSet: compute.VirtualMachineScaleSet; model: DeclaredModel } {
        const { pool, previous } = this.args;
        const { resourceGroup } = pool.scaleSet;
        const opts = { parent: this, ...KEPT, dependsOn: images };
        if (!previous.adopted || version === "") {
            const asItIs = { ...opts, import: pool.live.id, ignoreChanges: ["*"] };
            const model = modelAsItIs(live, resourceGroup);
            return { model, scaleSet: new compute.VirtualMachineScaleSet(name, model, asItIs) };
        }
        const model = modelFromImage(
            live,
            resourceGroup,
            imageVersionId(pool, version),
            pool.settings.scaleSet.keepExtensions,
        );
        return { model, scaleSet: new compute.VirtualMachineScaleSet(name, model, opts) };
    }
}
