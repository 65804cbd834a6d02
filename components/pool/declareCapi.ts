// Declares what new machines of a pool that Cluster API has start from: what is the same for its MachinePools,
// MachineDeployments and MachineSets.
import * as pulumi from "@pulumi/pulumi";
import type { AcceptedImage, ModelRecord } from "../../policies/contract";
import { imageVersionId } from "../azure/ids";
import { UserError } from "../core/errors";
import { sameVersion } from "../core/version";
import { whenMade, type Decided, type Declaration, type Declared, type Images } from "./declareScaleSet";
import { acceptedImage } from "./desiredModel";
import type { Pool } from "./pool";

/** What differs from kind to kind. */
export interface CapiDeclaration {
    /** The object that says which Kubernetes version its machines are to have, in words. */
    object: string;
    /** That version; undefined where it says none. */
    kubernetesVersion: string | undefined;
    /** What is said where the image changes. */
    warnings(): string[];
    /**
     * Compares the pool with what it was at the start of the run.
     *
     * @throws UserError in one line when somebody has changed it since
     */
    refuseChangeDuringRun(): Promise<void>;
    /** Declares the resource that points the pool at the image; it has these options. */
    declare(opts: pulumi.CustomResourceOptions, accepted: boolean): pulumi.CustomResource;
}

/**
 * Declares the image, once there is one and unless a foreign one is accepted. Whether machines would be replaced is
 * looked at before anything is declared, and by the resource again right before it is written.
 *
 * @param images what must be there before the pool points at it
 * @throws UserError in one line when the image is of another Kubernetes version than the machines
 */
export function declareCapi(
    { review, previous, parent }: Declaration,
    { version, choices }: Decided,
    images: Images,
    kind: CapiDeclaration,
): Declared {
    const { pool, live } = review;
    const accepted = acceptedImage(review, previous, version);
    if (version === "") {
        return declared(false, live);
    }
    if (!accepted) {
        refuseOtherKubernetes(pool, kind, { version, choices });
        if (!sameVersion(version, pool.liveVersion ?? "")) {
            kind.warnings().forEach((text) => void pulumi.log.warn(`${pool.settings.name}: ${text}`, parent));
        }
    }
    const dependsOn = afterImages(images, () => kind.refuseChangeDuringRun());
    const opts = { parent, dependsOn, ...(accepted && { ignoreChanges: ["*"] }) };
    const { id } = kind.declare(opts, accepted !== undefined);
    const model = accepted ? live : { ...live, image: imageVersionId(pool, version) };
    return declared(
        id.apply(() => true),
        model,
        accepted,
    );
}

/** What a stack says of a pool that Cluster API has. */
function declared(adopted: pulumi.Input<boolean>, model: ModelRecord, accepted?: AcceptedImage): Declared {
    return { adopted: pulumi.output(adopted), model: pulumi.output(model), accepted: pulumi.output(accepted) };
}

/**
 * An image has the kubelet of one Kubernetes version; machines that start from another one than the pool wants would
 * join with the wrong one.
 *
 * @throws UserError in one line
 */
function refuseOtherKubernetes(
    { configKey }: Pool,
    { object, kubernetesVersion }: CapiDeclaration,
    { version, choices }: Pick<Decided, "version" | "choices">,
): void {
    const kubelet = choices.find((choice) => sameVersion(choice.version, version))?.content?.kubelet;
    if (kubernetesVersion !== undefined && kubelet !== undefined && kubelet !== kubernetesVersion) {
        throw new UserError(
            `${configKey}: image ${version} has kubelet ${kubelet}, and ${object} wants ${kubernetesVersion}: give it an image of ` +
                `that version, and set kamino:onForeignChange to adopt until a node of it was rebooted`,
        );
    }
}

/**
 * The images as something to depend on: once they are made, and the pool is as it was. An image takes an hour, and what
 * somebody sets meanwhile is in no plan that anybody has seen: it is not written over.
 */
function afterImages(images: Images, refuseChangeDuringRun: () => Promise<void>): pulumi.Output<pulumi.Resource[]> {
    if (pulumi.runtime.isDryRun()) {
        return images;
    }
    const unchanged = whenMade(images).apply(refuseChangeDuringRun);
    return pulumi.all([images, unchanged]).apply(([made]) => made);
}
