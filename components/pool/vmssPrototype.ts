// The way of one pool, top to bottom: which node, its OS disk, the image, the model that new nodes start from.
import type { compute } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import type { AcceptedImage, Bootstrap, ModelRecord, PreviousPool } from "../../policies/contract";
import { imageDefinitionId } from "../azure/ids";
import type { GalleryVersion } from "../azure/imageVersions";
import { includesVersion, sameVersion } from "../core/version";
import { kubernetesVersionOf, type MachinePool } from "../capi/machinePool";
import { kubernetesVersionOfMachines, type MachineOwner } from "../capi/machines";
import type { KubernetesSettings } from "../node/kubernetes";
import { NodeSelection, bootstrapOf, type Canary, type Choice, type PoolOfRun } from "../selection/nodeSelection";
import { declareMachinePool } from "./declareMachinePool";
import { declareMachines } from "./declareMachines";
import { declareScaleSet } from "./declareScaleSet";
import { acceptedImage, endOfAcceptance, needsRewrite } from "./desiredModel";
import { changesInPlan } from "./foreignChanges";
import { ForeignChanges } from "./foreignChangesResource";
import { declareImageDefinition } from "./gallery";
import { declareImageVersion, type KeptImage } from "./imageVersion";
import { dependsOnGallery, keptAs } from "./keptAs";
import { poolIdOf } from "./model";
import type { Pool } from "./pool";
import type { Review } from "./review";
import { ownerOf, statementOf } from "./statement";

/** What a pool's prototype is made of. */
export interface VmssPrototypeArgs {
    /**
     * The pool as it was read (its settings, its live model, where its images go), and what others have changed of it.
     */
    review: Review;
    /**
     * What the stack's last successful update said of the pool: whether it has taken the scale set into the stack, say.
     */
    previous: PreviousPool;
    /** All pools of the run, of which this is one, and its canary another. */
    pools: Pool[];
    /** The gallery, where this stack makes it. */
    gallery?: compute.Gallery;
    /**
     * Asks whether Azure Policy lets the choice's image be made; throws a UserError where it does not.
     * Returns why that cannot be known, where it cannot.
     */
    checkPolicies: (pool: Pool, choice: Choice) => Promise<string | undefined>;
    /** Reads the versions of an image definition from Azure. */
    readImages: (imageDefinitionId: string) => Promise<GalleryVersion[]>;
    /** How to reach the cluster's API server; the usual places where left out. */
    kubernetes: KubernetesSettings;
}

/** What the stack says of a pool. */
export interface PoolOutputs {
    /** Name of the node that the current image comes from; empty before the first image. */
    node: pulumi.Output<string>;
    /**
     * The current version: the model points at it, or does so from the run after the adoption on; empty before the
     * first.
     */
    version: pulumi.Output<string>;
    /** Versions that this stack keeps, newest last; not yet one whose snapshot or disk is still to be deleted. */
    versions: pulumi.Output<string[]>;
    /** The one of them that stays in Azure when the pool leaves the stack; empty for none. */
    retained: pulumi.Output<string>;
    /** ARM id of the image definition that they are in. */
    imageDefinitionId: pulumi.Output<string>;
    /** ARM id of the scale set, or the `machinesId` of a pool of single VMs. */
    scaleSetId: pulumi.Output<string>;
    /** True once the scale set is in the stack. */
    adopted: pulumi.Output<boolean>;
    /** Why this node, or why none, in one line. */
    explanation: pulumi.Output<string>;
    /**
     * A short record of the model as it was left, from which the next run knows what somebody else has changed since.
     */
    model: pulumi.Output<ModelRecord>;
    /** The foreign image that was left in the model. */
    accepted: pulumi.Output<AcceptedImage | undefined>;
    /** `keep` where new nodes still join by their own bootstrap. */
    bootstrap: pulumi.Output<Bootstrap>;
    /** Whether the stack has a ForeignChanges resource for the pool, which then stays. */
    foreignChangesSeen?: boolean;
    /** The versions that nodes were added for, where the configuration wants that. */
    newNodes?: pulumi.Output<string[]>;
}

/**
 * Keeps the model of one scale set at the OS image of its most recently rebooted, proven-working node.
 *
 * A preview shows every change: `~ NodeSelection`, `+ OsDiskCapture`, `+ GalleryImageVersion`, and the one line of the
 * scale set's `imageReference.id`. No running node is touched but the one captured, which returns to service.
 */
export class VmssPrototype extends pulumi.ComponentResource {
    /** What the stack says of the pool, for people and for its own next run. */
    readonly outputs: PoolOutputs;
    private readonly pool: Pool;

    constructor(
        name: string,
        private readonly args: VmssPrototypeArgs,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        const statement = statementOf(args.review, args.previous);
        // A changed input would be a change in the preview: what differs from run to run is stated in outputs, and in
        // ForeignChanges.
        super("kamino:index:VmssPrototype", name, { ...ownerOf(args.review.pool) }, opts);
        this.pool = args.review.pool;
        const selection = this.selectNode(name);
        const foreign = this.showForeignChanges(name, selection);
        const configured = this.pool.settings.scaleSet.bootstrap;
        const bootstrap = selection.versions.apply((choices) => bootstrapOf(configured, choices));
        const { gallery } = args;
        const definition = this.pool.definition.managed
            ? [declareImageDefinition(name, this.pool, { parent: this, dependsOn: gallery ? [gallery] : [] })]
            : [];
        const kept = pulumi
            .all([selection.versions, selection.current, bootstrap])
            .apply(([choices, current, bootstrap]) =>
                this.keepImages(name, { choices, current, bootstrap }, [selection, ...definition]),
            );
        const images = kept.apply((all) => all.map(({ image }) => image));
        const declare = this.declaration();
        const declared = pulumi
            .all([selection.current, selection.versions, foreign?.writes ?? 0, bootstrap])
            .apply(([version, choices, writes, bootstrap]) =>
                declare(name, { ...args, parent: this }, { version, choices, writes, bootstrap }, images),
            );

        this.outputs = {
            node: selection.currentNode,
            version: selection.current,
            versions: afterRelease(kept),
            retained: kept.apply((all) => all.find(({ protect }) => protect)?.version ?? ""),
            imageDefinitionId: pulumi.output(imageDefinitionId(this.pool)),
            scaleSetId: pulumi.output(this.pool.live.id),
            adopted: declared.apply(({ adopted }) => adopted),
            explanation: selection.explanation,
            model: declared.apply(({ model }) => model),
            accepted: declared.apply(({ accepted }) => accepted),
            bootstrap,
            ...(foreign && { foreignChangesSeen: true }),
            ...(this.pool.settings.newNodes && {
                newNodes: declared.apply(({ newNodes }) => newNodes ?? pulumi.output([])),
            }),
        };
        const { accepted, retained } = this.outputs;
        this.registerOutputs({ ...statement, accepted, retained });
    }

    /** How what new machines start from is declared: by who keeps the pool. */
    private declaration(): typeof declareScaleSet {
        const { machinePool, machines } = this.pool;
        if (machines) {
            return declareMachines;
        }
        return machinePool ? declareMachinePool : declareScaleSet;
    }

    /** Which node? Asked of the cluster at every preview; unchanged when no node is newer than the newest image. */
    private selectNode(name: string): NodeSelection {
        const { settings } = this.pool;
        const { pools } = this.args;
        const { node, pin, reject, trust, canary: canaryName, ...rules } = settings.selection;
        const canary = pools.find((pool) => pool.settings.name === canaryName);
        return new NodeSelection(
            name,
            {
                pool: settings.name,
                ...placeOf(this.pool),
                cluster: this.capiOwner()?.spec.clusterName,
                kubeletVersion: this.kubeletVersion(),
                poolsOfRun: pools.map(placeOf),
                rules,
                minimumReadyNodes: settings.capture.minimumReadyNodes,
                captureMode: settings.capture.mode,
                bootstrap: settings.scaleSet.bootstrap,
                maxHistory: settings.image.maxHistory,
                node,
                pin,
                reject,
                trust,
                canary: canary && canaryOf(canary),
                kubernetes: this.args.kubernetes,
            },
            { parent: this },
        );
    }

    /** The MachinePool, MachineDeployment or MachineSet, where Cluster API has the pool. */
    private capiOwner(): MachinePool | MachineOwner | undefined {
        const { machinePool, machines } = this.pool;
        return machines?.capi.owner ?? machinePool?.capi.machinePool;
    }

    /** The version that Cluster API says, where it has the pool. */
    private kubeletVersion(): string | undefined {
        const { machinePool, machines } = this.pool;
        return machines
            ? kubernetesVersionOfMachines(machines.capi)
            : machinePool && kubernetesVersionOf(machinePool.capi);
    }

    /**
     * What have others changed, and what becomes of it? Declared from the first such change on, so that nothing leaves
     * the stack when there are none any more.
     */
    private showForeignChanges(name: string, selection: NodeSelection): ForeignChanges | undefined {
        const { review, previous } = this.args;
        const { onForeignChange } = this.pool.settings.scaleSet;
        const found = changesInPlan(review.changes, onForeignChange);
        if (Object.keys(found).length === 0 && !previous.foreignChangesSeen) {
            return undefined;
        }
        const rewrite = selection.current.apply((version) => needsRewrite(review, previous, version));
        const changes = selection.current.apply((version) => ({
            ...endOfAcceptance(review, previous, version),
            ...found,
        }));
        const statement = Object.keys(found).length > 0 ? statementOf(review, previous) : undefined;
        return new ForeignChanges(name, { pool: name, onForeignChange, changes, statement, rewrite }, { parent: this });
    }

    /**
     * Declares versions oldest first, each depending on the ones before it, so the state has unprotected an old version
     * before a new image exists. Nothing of an image is declared that Azure Policy would not let be made.
     */
    private async keepImages(
        name: string,
        { choices, current, bootstrap }: { choices: Choice[]; current: string; bootstrap: Bootstrap },
        dependsOn: pulumi.Resource[],
    ) {
        const kept: KeptImage[] = [];
        const how = { bootstrap, kubernetes: this.args.kubernetes };
        const made = this.args.previous.versions ?? [];
        const isAsked = dependsOnGallery(this.pool.storage, choices, made);
        const gallery = isAsked ? await this.args.readImages(imageDefinitionId(this.pool)) : [];
        const inUse = this.versionInUse(current);
        for (const choice of choices) {
            if (!this.existsAlready(choice.version)) {
                await this.checkPolicies(choice);
            }
            const protect = sameVersion(choice.version, inUse) && this.existsAlready(choice.version);
            const isFinished = choice.attempt === 1 && includesVersion(made, choice.version);
            const storage = keptAs(choice, this.pool.storage, gallery, made);
            const opts = { parent: this, dependsOn: [...dependsOn, ...kept.map(({ image }) => image)] };
            const options = { ...how, protect, isFinished, keptAs: storage };
            kept.push(declareImageVersion(name, this.pool, choice, options, opts));
        }
        return kept;
    }

    /** The version that new machines are to start from after this run: an older one where the model is left at it. */
    private versionInUse(current: string): string {
        const { review, previous } = this.args;
        const left = acceptedImage(review, previous, current) && this.pool.liveVersion;
        return left ?? current;
    }

    private async checkPolicies(choice: Choice): Promise<void> {
        const unknown = await this.args.checkPolicies(this.pool, choice);
        if (unknown) {
            const { name } = this.pool.settings;
            const what = `whether Azure Policy lets image ${choice.version} be made shows only when it is made`;
            await pulumi.log.warn(`${name}: ${what}: ${unknown}`, this);
        }
    }

    /**
     * Protects and retains a version only if an earlier run made it and the model points at it. Pulumi refuses to
     * delete a resource that is protected in the state, and leaves in Azure what is retained there: sooner, both would
     * stand in the way of deleting a version that Azure failed to make.
     */
    private existsAlready(version: string): boolean {
        const { previous } = this.args;
        return sameVersion(version, this.pool.liveVersion ?? "") || (previous.versions ?? []).includes(version);
    }
}

/**
 * What the stack says of its versions is said once this run has deleted what they were made of: a version that it names
 * is not looked at again by the next run. One whose source could not be deleted is left out.
 */
function afterRelease(kept: pulumi.Output<KeptImage[]>): pulumi.Output<string[]> {
    const named = ({ version, released }: KeptImage) =>
        pulumi.output(released ?? true).apply((gone) => (gone ? [version] : []));
    return kept.apply((all) => pulumi.all(all.map(named))).apply((versions) => versions.flat());
}

/** Where a pool's VMs and its images are. */
function placeOf(pool: Pool): PoolOfRun {
    return {
        scaleSetId: poolIdOf(pool.live),
        computerNamePrefix: pool.live.virtualMachineProfile?.osProfile?.computerNamePrefix,
        ...(pool.machines && { machines: pool.machines.at }),
        imageId: pool.liveImage.id,
        imageDefinitionId: imageDefinitionId(pool),
    };
}

function canaryOf(pool: Pool): Canary {
    const { minimumReadyTimeMs, newNodeTimeoutMs } = pool.settings.selection;
    const { imageId: _changes, ...place } = placeOf(pool);
    return { pool: pool.settings.name, ...place, minimumReadyTimeMs, newNodeTimeoutMs };
}
