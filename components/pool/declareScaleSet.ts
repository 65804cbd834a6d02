// Declares a pool's scale set: first as it is, from then on with a model that points at the image.
import * as compute from "@pulumi/azure-native/compute";
import * as pulumi from "@pulumi/pulumi";
import type { AcceptedImage, Bootstrap, ModelRecord, PreviousPool } from "../../policies/contract";
import { UserError } from "../core/errors";
import type { Choice } from "../selection/nodeSelection";
import { declareNewNodes } from "./declareNewNodes";
import { desiredModel, recordOfDesired } from "./desiredModel";
import { extensionLine } from "./extensions";
import type { PoolModel } from "./model";
import { providerFor } from "./providers";
import { refusal } from "./refusals";
import { compare, recordOfLive, type Review } from "./review";
import { readScaleSet } from "./scaleSet";
import { RETAINED } from "./statement";

/** The pool that is declared, and the component that holds what is declared of it. */
export interface Declaration {
    review: Review;
    previous: PreviousPool;
    parent: pulumi.Resource;
}

/** What was decided about a pool. */
export interface Decided {
    /** The version that new machines are to start from; empty when there is none yet. */
    version: string;
    /** The versions that the stack keeps. */
    choices: Choice[];
    /** How often the stack has written its own image over somebody else's. */
    writes: number;
    bootstrap: Bootstrap;
}

/** What the stack says afterwards. */
export interface Declared {
    /** Whether the stack has the pool from now on. */
    adopted: pulumi.Output<boolean>;
    /** The record of the model as it is left. */
    model: pulumi.Output<ModelRecord>;
    /** The foreign image that is left in it. */
    accepted: pulumi.Output<AcceptedImage | undefined>;
    /** The versions that nodes were added for, where the configuration wants that. */
    newNodes?: pulumi.Output<string[]>;
}

/** The image versions of a pool: which there are is known before Azure has made them. */
export type Images = pulumi.Output<compute.GalleryImageVersion[]>;

/** Is known once Azure has made all images, and so never in a preview that has some to make. */
export function whenMade(images: Images): pulumi.Output<string[]> {
    return images.apply((all) => pulumi.all(all.map(({ id }) => id)));
}

/**
 * Declares the scale set. Protected, and left in Azure when it leaves the stack: `pulumi destroy` must never delete a
 * pool.
 *
 * @param images what must be there before the model points at it
 */
export function declareScaleSet(name: string, declaration: Declaration, decided: Decided, images: Images): Declared {
    const declared = modelBefore(declaration, decided.version, images).apply((live) =>
        declare(name, declaration, { ...decided, live }, images),
    );
    return {
        adopted: declared.apply(({ scaleSet }) => scaleSet.id).apply(() => true),
        model: declared.apply(({ desired }) => recordOfDesired(desired, declaration.previous)),
        accepted: declared.apply(({ desired }) => desired.accepted),
        newNodes: declared.apply(({ newNodes }) => newNodes),
    };
}

/**
 * The model that the desired one is made from. An image takes an hour, and the in-cluster cloud provider writes load
 * balancer pools into this same model: so an `up` reads it again after the images are there, right before it is
 * written. A preview uses what was read at its start, so that its diff is whole.
 */
function modelBefore({ review }: Declaration, version: string, images: Images): pulumi.Output<PoolModel> {
    const { live, scaleSet, configKey } = review.pool;
    if (pulumi.runtime.isDryRun()) {
        return pulumi.output(live);
    }
    return whenMade(images).apply(async (): Promise<PoolModel> => {
        const read = await readScaleSet(scaleSet, configKey);
        refuseChangeDuringRun(review, version, read);
        return read;
    });
}

/**
 * What was changed while the images were made is in no plan that somebody has seen: it is neither written over nor
 * accepted.
 */
function refuseChangeDuringRun({ pool, live }: Review, version: string, read: PoolModel): void {
    const { configKey } = pool;
    const atStart = { adopted: true, model: live };
    const changes = compare(pool, atStart, recordOfLive(read, pool), version);
    const found = changes
        .filter(({ needsDecision }) => needsDecision)
        .map(({ text }) => text)
        .join("; ");
    const reason =
        refusal(read, configKey) ?? (found && `${configKey}: scale set "${read.name}" is not written: its ${found}`);
    if (reason) {
        throw new UserError(`${reason} (it was changed while this update ran; nothing was written to it)`);
    }
}

function declare(
    name: string,
    { review, previous, parent }: Declaration,
    from: Decided & { live: PoolModel },
    images: Images,
) {
    const { live, bootstrap } = from;
    const { settings } = review.pool;
    const desired = desiredModel({ review, previous, ...from });
    const options = {
        adopt: { import: live.id, ignoreChanges: ["*"] },
        leave: { ignoreChanges: ["*"] },
        write: {},
    }[desired.action];
    const extensions = live.virtualMachineProfile?.extensionProfile?.extensions ?? [];
    const leaving = extensionLine(extensions, { ...settings.scaleSet, bootstrap });
    if (desired.action === "write" && leaving) {
        void pulumi.log.info(`${name}: ${leaving}`, parent);
    }
    const opts = {
        parent,
        ...RETAINED,
        dependsOn: images,
        provider: providerFor(review.pool.scaleSet.subscriptionId),
        ...options,
    };
    const scaleSet = new compute.VirtualMachineScaleSet(name, desired.model, opts);
    const written = desired.action === "write" ? from.version : undefined;
    const facts = { previous, written, choices: from.choices };
    return { desired, scaleSet, newNodes: declareNewNodes(name, review.pool, facts, { parent, scaleSet }) };
}
