// Declares what new machines of a MachineDeployment or MachineSet are made from: a template for each image that the
// stack keeps, and which of them counts.
import type { compute } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import { imageDefinitionId, imageVersionId } from "../azure/ids";
import { computeGalleryOf } from "../capi/image";
import { InfrastructureRef } from "../capi/infrastructureRef";
import { MachineTemplate } from "../capi/machineTemplate";
import { kubernetesVersionOfMachines, readMachines, type CapiMachines } from "../capi/machines";
import { strategyOfMachines, textOf, unsettledMachines } from "../capi/machineRefusals";
import { UserError } from "../core/errors";
import { sameVersion } from "../core/version";
import { declared, refuseOtherKubernetes } from "./declareMachinePool";
import type { Decided, Declaration, Declared } from "./declareScaleSet";
import { acceptedImage } from "./desiredModel";
import { shortImage } from "./foreignChanges";
import { recordOfMachines, type MachinesFacts } from "./machines";
import type { Pool } from "./pool";

/**
 * Declares templates and reference, once there is an image and unless a foreign one is accepted. Whether machines would
 * be replaced is looked at before anything is declared, and by the resource again right before the reference is
 * written.
 *
 * @param images what must be there before a template names it
 * @throws UserError in one line when the image is of another Kubernetes version than the machines
 */
export function declareMachines(
    name: string,
    { review, previous, parent }: Declaration,
    { version, choices, writes }: Decided,
    images: pulumi.Output<compute.GalleryImageVersion[]>,
): Declared {
    const { pool, live } = review;
    const { capi, at } = pool.machines!;
    const accepted = acceptedImage(review, previous, version);
    if (version === "") {
        return declared(false, live);
    }
    if (!accepted) {
        refuseOtherKubernetes(pool, textOf(capi), kubernetesVersionOfMachines(capi), { version, choices });
        sayBefore(pool, capi, version, parent);
    }
    const { configKey } = pool;
    const unchanged = images.apply(() => refuseChangeDuringRun(pool, pool.machines!));
    const dependsOn = pulumi.all([images, unchanged]).apply(([made]) => made);
    const isCurrent = (each: string) => sameVersion(each, version);
    const kept = choices.map((choice) => choice.version);
    // The version that a pin names may be of no choice of this stack's.
    const versions = kept.some(isCurrent) ? kept : [...kept, version];
    const templates = versions.map((each) => {
        const computeGallery = computeGalleryOf(pool.gallery, pool.definition.name, each);
        const inputs = { configKey, machines: at, computeGallery, current: !accepted && isCurrent(each) };
        return { version: each, resource: new MachineTemplate(`${name}-${each}`, inputs, { parent, dependsOn }) };
    });
    const current = templates.find((each) => isCurrent(each.version))!.resource;
    const strategy = strategyOfMachines(capi);
    const reference = new InfrastructureRef(
        name,
        {
            ...{ configKey, at, writes, machines: textOf(capi) },
            infrastructureRef: current.template.apply((template) => ({ name: template })),
            ...(strategy !== undefined && { strategy }),
        },
        { parent, dependsOn: templates.map(({ resource }) => resource), ...(accepted && { ignoreChanges: ["*"] }) },
    );
    const model = accepted ? live : { ...live, image: imageVersionId(pool, version) };
    return declared(
        reference.id.apply(() => true),
        model,
        accepted,
    );
}

/** What the reference waits for, where the image changes. */
function sayBefore(pool: Pool, capi: CapiMachines, version: string, parent: pulumi.Resource): void {
    const reason = unsettledMachines(capi);
    if (reason && !sameVersion(version, pool.liveVersion ?? "")) {
        void pulumi.log.warn(
            `${pool.settings.name}: the pool is not at rest (${reason}); an up writes the template once it is`,
            parent,
        );
    }
}

/** A template that somebody sets while images are made is in no plan that anybody has seen: it is not written over. */
async function refuseChangeDuringRun(pool: Pool, { capi, at }: MachinesFacts): Promise<void> {
    if (pulumi.runtime.isDryRun()) {
        return;
    }
    const { configKey } = pool;
    const about = (read: CapiMachines) => ({
        template: `template ${read.template.metadata.name ?? ""}`,
        image: `image ${shortImage(recordOfMachines(read).image, imageDefinitionId(pool))}`,
        version: `version ${kubernetesVersionOfMachines(read)}`,
    });
    const [before, now] = [about(capi), about(await readMachines(at, configKey))];
    const changed = (["template", "image", "version"] as const).find((part) => before[part] !== now[part]);
    if (changed) {
        throw new UserError(
            `${configKey}: ${textOf(capi)} is not written: it was changed from ${before[changed]} to ${now[changed]} while this update ran`,
        );
    }
}
