// The way of one pool, top to bottom: which node, its OS disk, the image, the model that new nodes start from.
import type { compute } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import {
    BOOTSTRAP_TAG,
    NEW_NODES_TAG,
    keepsBootstrap,
    type AcceptedImage,
    type Bootstrap,
    type ModelRecord,
} from "../../policies/contract";
import { imageDefinitionId } from "../azure/ids";
import { kubernetesVersionOf, type MachinePool } from "../capi/machinePool";
import { kubernetesVersionOfMachines, type MachineOwner } from "../capi/machines";
import { UserError } from "../core/errors";
import { NodeSelection, bootstrapOf, type Canary, type PoolOfRun } from "../selection/nodeSelection";
import { declareMachinePool } from "./declareMachinePool";
import { declareMachines } from "./declareMachines";
import { declareScaleSet } from "./declareScaleSet";
import { endOfAcceptance, needsRewrite } from "./desiredModel";
import { changesInPlan } from "./foreignChanges";
import { ForeignChanges } from "./foreignChangesResource";
import { declareImageDefinition } from "./gallery";
import { afterRelease, keepImages, type KeepImagesArgs } from "./keepImages";
import { poolIdOf } from "./model";
import type { Pool } from "./pool";
import { tagsRefusal } from "./refusals";
import { ownerOf, statementOf } from "./statement";

/** What a pool's prototype is made of. */
export interface VmssPrototypeArgs extends KeepImagesArgs {
    /** All pools of the run, of which this is one, and its canary another. */
    pools: Pool[];
    /** The gallery, where this stack makes it. */
    gallery?: compute.Gallery;
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
    /** The regions that they go to; left out as long as there are none. */
    regions: pulumi.Output<string[] | undefined>;
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
        const bootstrap = selection.versions.apply((choices) => {
            const found = bootstrapOf(configured, choices, this.keepsBootstrap());
            this.refuseTags(found);
            return found;
        });
        const { gallery } = args;
        const definition = this.pool.definition.managed
            ? [declareImageDefinition(name, this.pool, { parent: this, dependsOn: gallery ? [gallery] : [] })]
            : [];
        const kept = pulumi
            .all([selection.versions, selection.current, bootstrap])
            .apply(([choices, current, bootstrap]) =>
                keepImages(
                    name,
                    args,
                    { choices, current, bootstrap },
                    { parent: this, dependsOn: [selection, ...definition] },
                ),
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
            regions: kept.apply((all) => (all.length > 0 ? this.pool.storage.targetRegions : undefined)),
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
                keptBootstrap: this.keepsBootstrap(),
                maxHistory: settings.image.maxHistory,
                made: this.args.previous.versions,
                retained: this.args.previous.retained,
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

    /** Whether new nodes join by their own bootstrap, as the live model or this stack's last update says. */
    private keepsBootstrap(): boolean {
        return keepsBootstrap(this.pool.live.tags) || this.args.previous.bootstrap === "keep";
    }

    /** @throws UserError in one line where the scale set has no room for the tags that this stack sets on it */
    private refuseTags(bootstrap: Bootstrap): void {
        const { live, machinePool, machines, settings, configKey } = this.pool;
        if (machinePool || machines) {
            return;
        }
        const own = [...(bootstrap === "keep" ? [BOOTSTRAP_TAG] : []), ...(settings.newNodes ? [NEW_NODES_TAG] : [])];
        const reason = tagsRefusal(live, own, configKey);
        if (reason) {
            throw new UserError(reason);
        }
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
