// What the engine calls for an InfrastructureRef; loaded by the thin shell in ../engine.
import type { dynamic } from "@pulumi/pulumi";
import { UserError, brief } from "../core/errors";
import { warn } from "../engine/progress";
import { kubernetes } from "../node/kubernetes";
import { announceImage } from "./imageEvent";
import type { InfrastructureRefInputs } from "./infrastructureRef";
import { machinesRefusal, unsettledMachines } from "./machineRefusals";
import { pathOf, readMachines, type AzureMachineTemplate, type CapiMachines, type MachinesAt } from "./machines";
import { CORE } from "./objects";
import { patchAsRead, writeAtRest, type Outcome } from "./settled";
import { differsInImageAlone, referencePatch } from "./template";
import { pruneTemplates, readTemplate } from "./templates";

type State = InfrastructureRefInputs;

export { check, configure, forget as delete, read } from "../engine/plainProvider";

/** Another template or another pool is a change; what the pool's settings are is not. */
export async function diff(_id: string, olds: State, news: State): Promise<dynamic.DiffResult> {
    const about = ({ machines, infrastructureRef, writes }: State) =>
        JSON.stringify([machines, infrastructureRef.name, writes]);
    const replaces = olds.machines === news.machines ? [] : ["machines"];
    return Promise.resolve({ changes: about(olds) !== about(news), replaces });
}

/** The first template of this stack. */
export async function create(inputs: State): Promise<dynamic.CreateResult<State>> {
    await pointAt(inputs);
    return { id: inputs.machines, outs: inputs };
}

/** Another template. */
export async function update(_id: string, _olds: State, news: State): Promise<dynamic.UpdateResult<State>> {
    await pointAt(news);
    return { outs: news };
}

/**
 * Writes the reference once the pool is at rest, and only if it is still one whose machines another template does not
 * replace. Then takes away what nothing refers to any more.
 *
 * @throws UserError in one line when it must not be written, is not at rest in time, or the API server refuses
 */
async function pointAt(inputs: State): Promise<void> {
    const { machines: pool, configKey, at } = inputs;
    await writeAtRest({ pool, what: `the template of ${pool}`, configKey }, () => tryToPoint(inputs));
    // The machines have their template: what is left over is tried again by the next run.
    await pruneTemplates(at).catch((error: unknown) =>
        warn(`${pool}: AzureMachineTemplates that nothing refers to are left: ${brief(error, 300)}`),
    );
}

async function tryToPoint({ machines, configKey, at, infrastructureRef: { name } }: State): Promise<Outcome> {
    const pool = await readMachines(at, configKey);
    const reason = machinesRefusal(pool, configKey);
    if (reason) {
        throw new UserError(`${reason} (nothing was written to it)`);
    }
    if (pool.template.metadata.name === name) {
        return "written";
    }
    const wanted = await readTemplate(at, name);
    if (!wanted) {
        throw new UserError(
            `${configKey}: there is no AzureMachineTemplate ${at.namespace}/${name} any more; run up again`,
        );
    }
    if (!differsInImageAlone(pool.template.spec, wanted.spec)) {
        throw new UserError(
            `${configKey}: ${machines} is not pointed at ${name}: it refers to ${pool.template.metadata.name} now, which differs in more ` +
                "than its image; preview again",
        );
    }
    const waitsFor = unsettledMachines(pool);
    return waitsFor === undefined ? await write(pool, { at, configKey, wanted }) : { waitsFor };
}

async function write(
    { owner, apiVersion: version, template: before }: CapiMachines,
    { at, configKey, wanted }: { at: MachinesAt; configKey: string; wanted: AzureMachineTemplate },
): Promise<Outcome> {
    const { name = "", resourceVersion = "" } = owner.metadata;
    const { name: template = "" } = wanted.metadata;
    const cluster = await kubernetes(at.kubernetes);
    const body = referencePatch(template, resourceVersion);
    const outcome = await patchAsRead(cluster, { ...pathOf(at, version), name }, body, `${configKey}: ${at.kind}`);
    if (outcome === "written") {
        const [from, to] = [before, wanted].map(({ spec }) => spec.template.spec.image);
        const object = { apiVersion: `${CORE}/${version}`, kind: at.kind, metadata: owner.metadata };
        await announceImage(cluster, object, { from, to, by: `AzureMachineTemplate ${template}` });
    }
    return outcome;
}
