// What the engine calls for a MachinePoolImage; loaded by the thin shell in ../engine.
import type { dynamic } from "@pulumi/pulumi";
import { UserError } from "../core/errors";
import { kubernetes } from "../node/kubernetes";
import { imagePatch, isImage } from "./image";
import { announceImage } from "./imageEvent";
import { AZURE_MACHINE_POOLS, readMachinePool, type CapiPool } from "./machinePool";
import type { MachinePoolImageInputs } from "./machinePoolImage";
import { capiRefusal, unsettled } from "./refusals";
import { patchAsRead, writeAtRest, type Outcome } from "./settled";

type State = MachinePoolImageInputs;

export { check, configure, forget as delete, read } from "../engine/plainProvider";

/** Another version or another pool is a change; what the pool's settings are is not. */
export async function diff(_id: string, olds: State, news: State): Promise<dynamic.DiffResult> {
    const about = ({ machinePool, computeGallery, writes }: State) =>
        JSON.stringify([machinePool, Object.entries(computeGallery).sort(), writes]);
    const replaces = olds.machinePool === news.machinePool ? [] : ["machinePool"];
    return Promise.resolve({ changes: about(olds) !== about(news), replaces });
}

/** The first image of this stack. */
export async function create(inputs: State): Promise<dynamic.CreateResult<State>> {
    await pointAt(inputs);
    return { id: inputs.machinePool, outs: inputs };
}

/** Another image. */
export async function update(_id: string, _olds: State, news: State): Promise<dynamic.UpdateResult<State>> {
    await pointAt(news);
    return { outs: news };
}

/**
 * Writes the image once the pool is at rest, and only if the pool is still one whose machines a changed image does not
 * replace.
 *
 * @throws UserError in one line when it must not be written, is not at rest in time, or the API server refuses
 */
async function pointAt(inputs: State): Promise<void> {
    const { machinePool: pool, configKey } = inputs;
    const what = `the image of MachinePool ${pool}`;
    await writeAtRest({ pool, what, configKey }, () => tryToPoint(inputs));
}

async function tryToPoint({ machinePool, configKey, computeGallery, kubernetes: settings }: State): Promise<Outcome> {
    const [namespace, name] = machinePool.split("/");
    const pool = await readMachinePool(settings, { namespace, name }, configKey);
    const reason = capiRefusal(pool, configKey);
    if (reason) {
        throw new UserError(`${reason} (nothing was written to it)`);
    }
    if (isImage(pool.azureMachinePool.spec.template.image, computeGallery)) {
        return "written";
    }
    const waitsFor = unsettled(pool);
    return waitsFor === undefined ? await write(pool, { configKey, computeGallery, settings }) : { waitsFor };
}

async function write(
    { machinePool, azureMachinePool }: CapiPool,
    {
        configKey,
        computeGallery,
        settings,
    }: Pick<State, "configKey" | "computeGallery"> & { settings: State["kubernetes"] },
): Promise<Outcome> {
    const { namespace = "", name = "", resourceVersion = "" } = azureMachinePool.metadata;
    const { image } = azureMachinePool.spec.template;
    const body = imagePatch(image, computeGallery, resourceVersion);
    const path = { ...AZURE_MACHINE_POOLS, namespace, name };
    const cluster = await kubernetes(settings);
    const outcome = await patchAsRead(cluster, path, body, `${configKey}: AzureMachinePool`);
    if (outcome === "written") {
        const { apiVersion, metadata } = machinePool;
        const change = { from: image, to: { computeGallery }, by: `AzureMachinePool ${name}` };
        await announceImage(cluster, { apiVersion, kind: "MachinePool", metadata }, change);
    }
    return outcome;
}
