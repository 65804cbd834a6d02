// Declares the image of a pool that Cluster API has: one field of its AzureMachinePool, from which CAPZ makes the scale
// set's model.
import type { compute } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import type { AcceptedImage, ModelRecord } from "../../policies/contract";
import { imageDefinitionId, imageVersionId } from "../azure/ids";
import { computeGalleryOf } from "../capi/image";
import { kubernetesVersionOf, readMachinePool, type CapiPool } from "../capi/machinePool";
import { MachinePoolImage } from "../capi/machinePoolImage";
import { pendingChanges } from "../capi/pendingChanges";
import { nameOf, noRolloutOf, unsettled } from "../capi/refusals";
import { UserError } from "../core/errors";
import { sameVersion } from "../core/version";
import type { Decided, Declaration, Declared } from "./declareScaleSet";
import { acceptedImage } from "./desiredModel";
import { shortImage } from "./foreignChanges";
import { recordOfMachinePool, type MachinePoolFacts } from "./machinePool";
import type { Pool } from "./pool";

/**
 * Declares the image, once there is one and unless a foreign one is accepted. Whether machines would be replaced is
 * looked at before anything is declared, and by the resource again right before the image is written.
 *
 * @param images what must be there before the pool points at it
 * @throws UserError in one line when the image is of another Kubernetes version than the pool
 */
export function declareMachinePool(
    name: string,
    { review, previous, parent }: Declaration,
    { version, choices, writes }: Decided,
    images: pulumi.Output<compute.GalleryImageVersion[]>,
): Declared {
    const { pool, live } = review;
    const machinePool = pool.machinePool!;
    const accepted = acceptedImage(review, previous, version);
    if (version === "") {
        return declared(false, live);
    }
    if (!accepted) {
        const { capi } = machinePool;
        const what = `MachinePool ${nameOf(capi.machinePool)}`;
        refuseOtherKubernetes(pool, what, kubernetesVersionOf(capi), { version, choices });
        sayBefore(pool, machinePool.capi, version, parent);
    }
    const { gallery, definition, configKey } = pool;
    const inputs = {
        configKey,
        machinePool: nameOf(machinePool.capi.machinePool),
        computeGallery: computeGalleryOf(gallery, definition.name, version),
        noRollout: noRolloutOf(machinePool.capi),
        kubernetes: machinePool.kubernetes,
        writes,
    };
    const unchanged = images.apply(() => refuseChangeDuringRun(pool, machinePool));
    const dependsOn = pulumi.all([images, unchanged]).apply(([made]) => made);
    const opts = { parent, dependsOn, ...(accepted && { ignoreChanges: ["*"] }) };
    const image = new MachinePoolImage(name, inputs, opts);
    const model = accepted ? live : { ...live, image: imageVersionId(pool, version) };
    return declared(
        image.id.apply(() => true),
        model,
        accepted,
    );
}

/** What a stack says of a pool that Cluster API has. */
export function declared(adopted: pulumi.Input<boolean>, model: ModelRecord, accepted?: AcceptedImage): Declared {
    return { adopted: pulumi.output(adopted), model: pulumi.output(model), accepted: pulumi.output(accepted) };
}

/**
 * An image has the kubelet of one Kubernetes version; machines that start from another one than the pool wants would
 * join with the wrong one.
 *
 * @param what the object that says which version it wants
 * @throws UserError in one line
 */
export function refuseOtherKubernetes(
    { configKey }: Pool,
    what: string,
    wanted: string | undefined,
    { version, choices }: Pick<Decided, "version" | "choices">,
): void {
    const kubelet = choices.find((choice) => sameVersion(choice.version, version))?.content?.kubelet;
    if (wanted !== undefined && kubelet !== undefined && kubelet !== wanted) {
        throw new UserError(
            `${configKey}: image ${version} has kubelet ${kubelet}, and ${what} wants ${wanted}: give it an image of ` +
                `that version, and set kamino:onForeignChange to adopt until a node of it was rebooted`,
        );
    }
}

/** What CAPZ writes along with the image, and what the image waits for, where the image changes. */
function sayBefore(pool: Pool, capi: CapiPool, version: string, parent: pulumi.Resource): void {
    if (sameVersion(version, pool.liveVersion ?? "")) {
        return;
    }
    const name = pool.settings.name;
    const pending = pendingChanges(capi.azureMachinePool.spec.template, pool.live);
    if (pending.length > 0) {
        void pulumi.log.warn(
            `${name}: with the image CAPZ also writes what it has left waiting in the scale set's model: ${pending.join(", ")}`,
            parent,
        );
    }
    const reason = unsettled(capi);
    if (reason) {
        void pulumi.log.warn(`${name}: the pool is not at rest (${reason}); an up writes the image once it is`, parent);
    }
}

/** An image that somebody sets while images are made is in no plan that anybody has seen: it is not written over. */
async function refuseChangeDuringRun(pool: Pool, { capi, kubernetes }: MachinePoolFacts): Promise<void> {
    if (pulumi.runtime.isDryRun()) {
        return;
    }
    const { configKey } = pool;
    const { namespace = "", name = "" } = capi.machinePool.metadata;
    const read = await readMachinePool(kubernetes, { namespace, name }, configKey);
    const [before, now] = [capi, read].map((each) => recordOfMachinePool(each).image);
    if (before !== now) {
        const [from, to] = [before, now].map((image) => shortImage(image, imageDefinitionId(pool)));
        throw new UserError(
            `${configKey}: MachinePool ${namespace}/${name} is not written: its image was changed from ${from} to ${to} while this update ran`,
        );
    }
}
