// Declares what new machines of a MachineDeployment or MachineSet are made from: a template for each image that the
// stack keeps, and which of them counts.
import { imageDefinitionId } from "../azure/ids";
import { computeGalleryOf } from "../capi/image";
import { InfrastructureRef } from "../capi/infrastructureRef";
import { MachineTemplate } from "../capi/machineTemplate";
import { kubernetesVersionOfMachines, readMachines, type CapiMachines } from "../capi/machines";
import { strategyOfMachines, textOf, unsettledMachines } from "../capi/machineRefusals";
import { UserError } from "../core/errors";
import { sameVersion } from "../core/version";
import { declareCapi } from "./declareCapi";
import type { Decided, Declaration, Declared, Images } from "./declareScaleSet";
import { shortImage } from "./foreignChanges";
import { recordOfMachines, type MachinesFacts } from "./machines";
import type { Pool } from "./pool";

/** Declares templates and reference as `declareCapi` says; a template is made once its image is there. */
export function declareMachines(name: string, declaration: Declaration, decided: Decided, images: Images): Declared {
    const { pool } = declaration.review;
    const { capi, at } = pool.machines!;
    const { version, choices, writes } = decided;
    return declareCapi(declaration, decided, images, {
        object: textOf(capi),
        kubernetesVersion: kubernetesVersionOfMachines(capi),
        warnings: () => {
            const reason = unsettledMachines(capi);
            return reason ? [`the pool is not at rest (${reason}); an up writes the template once it is`] : [];
        },
        refuseChangeDuringRun: () => refuseChangeDuringRun(pool, pool.machines!),
        declare: ({ parent, dependsOn, ...opts }, accepted) => {
            const { configKey } = pool;
            const isCurrent = (each: string) => sameVersion(each, version);
            const kept = choices.map((choice) => choice.version);
            // The version that a pin names may be of no choice of this stack's.
            const versions = kept.some(isCurrent) ? kept : [...kept, version];
            const templates = versions.map((each) => {
                const computeGallery = computeGalleryOf(pool.gallery, pool.definition.name, each);
                const inputs = { configKey, machines: at, computeGallery, current: !accepted && isCurrent(each) };
                const resource = new MachineTemplate(`${name}-${each}`, inputs, { parent, dependsOn });
                return { version: each, resource };
            });
            const current = templates.find((each) => isCurrent(each.version))!.resource;
            const strategy = strategyOfMachines(capi);
            return new InfrastructureRef(
                name,
                {
                    ...{ configKey, at, writes, machines: textOf(capi) },
                    infrastructureRef: current.template.apply((template) => ({ name: template })),
                    ...(strategy !== undefined && { strategy }),
                },
                { ...opts, parent, dependsOn: templates.map(({ resource }) => resource) },
            );
        },
    });
}

async function refuseChangeDuringRun(pool: Pool, { capi, at }: MachinesFacts): Promise<void> {
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
