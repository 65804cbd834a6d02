// Declares the image of a pool that Cluster API has: one field of its AzureMachinePool, from which CAPZ makes the scale
// set's model.
import { imageDefinitionId } from "../azure/ids";
import { computeGalleryOf } from "../capi/image";
import { kubernetesVersionOf, readMachinePool } from "../capi/machinePool";
import { MachinePoolImage } from "../capi/machinePoolImage";
import { pendingChanges } from "../capi/pendingChanges";
import { nameOf, noRolloutOf, unsettled } from "../capi/refusals";
import { UserError } from "../core/errors";
import { declareCapi } from "./declareCapi";
import type { Decided, Declaration, Declared, Images } from "./declareScaleSet";
import { shortImage } from "./foreignChanges";
import { recordOfMachinePool, type MachinePoolFacts } from "./machinePool";
import type { Pool } from "./pool";

/** Declares the image as `declareCapi` says. */
export function declareMachinePool(name: string, declaration: Declaration, decided: Decided, images: Images): Declared {
    const { pool } = declaration.review;
    const { capi, kubernetes } = pool.machinePool!;
    const machinePool = nameOf(capi.machinePool);
    return declareCapi(declaration, decided, images, {
        object: `MachinePool ${machinePool}`,
        kubernetesVersion: kubernetesVersionOf(capi),
        warnings: () => warnings(pool, pool.machinePool!),
        refuseChangeDuringRun: () => refuseChangeDuringRun(pool, pool.machinePool!),
        declare: (opts) => {
            const { gallery, definition, configKey } = pool;
            const inputs = {
                ...{ configKey, machinePool, kubernetes, writes: decided.writes },
                computeGallery: computeGalleryOf(gallery, definition.name, decided.version),
                noRollout: noRolloutOf(capi),
            };
            return new MachinePoolImage(name, inputs, opts);
        },
    });
}

/** What CAPZ writes along with the image, and what the image waits for. */
function warnings({ live }: Pool, { capi }: MachinePoolFacts): string[] {
    const pending = pendingChanges(capi.azureMachinePool.spec.template, live);
    const reason = unsettled(capi);
    return [
        ...(pending.length > 0
            ? [
                  `with the image CAPZ also writes what it has left waiting in the scale set's model: ${pending.join(", ")}`,
              ]
            : []),
        ...(reason ? [`the pool is not at rest (${reason}); an up writes the image once it is`] : []),
    ];
}

async function refuseChangeDuringRun(pool: Pool, { capi, kubernetes }: MachinePoolFacts): Promise<void> {
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
