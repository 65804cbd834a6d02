// What the engine calls for a MachineTemplate; loaded by the thin shell in ../engine.
import type { dynamic } from "@pulumi/pulumi";
import { UserError, asUserError, oneLine } from "../core/errors";
import type { MachineTemplateArgs, MachineTemplateState } from "./machineTemplate";
import { machinesText } from "../core/machinesId";
import { readMachines } from "./machines";
import { hasImage, templateName, withImage } from "./template";
import { dropTemplate, makeTemplate, pruneTemplates, readTemplate } from "./templates";

type State = MachineTemplateState;

export { configure, read } from "../engine/plainProvider";

/**
 * Finds out what the template is made of and called, at preview already. Read here, and not by the program: somebody
 * may point the machines at another template at any time, and what a program passes to a resource is part of a plan.
 */
export async function check(olds: Partial<State>, news: MachineTemplateArgs): Promise<dynamic.CheckResult<State>> {
    try {
        const { template, basedOn } = olds;
        const isSettled = !news.current && template !== undefined && basedOn !== undefined && isSame(olds, news);
        return { inputs: { ...news, ...(isSettled ? { template, basedOn } : await settle(news)) } };
    } catch (error) {
        return { failures: [{ property: "", reason: oneLine(error) }] };
    }
}

async function settle({
    machines,
    configKey,
    computeGallery,
}: MachineTemplateArgs): Promise<Pick<State, "template" | "basedOn">> {
    const capi = await readMachines(machines, configKey);
    const basedOn = capi.template.metadata.name ?? "";
    // Somebody else's template may have this very image: there is nothing to make then.
    if (hasImage(capi, computeGallery)) {
        return { template: basedOn, basedOn };
    }
    const wanted = withImage(capi.template.spec, computeGallery);
    const plain = templateName(machines.name, computeGallery.version, wanted);
    const taken = await readTemplate(machines, plain);
    return { template: templateName(machines.name, computeGallery.version, wanted, taken?.spec), basedOn };
}

/** What makes it another template. */
function isSame(olds: Partial<State>, news: Pick<State, "machines" | "computeGallery">): boolean {
    const about = ({ machines, computeGallery }: Partial<State>) =>
        JSON.stringify([machines && machinesText(machines), Object.entries(computeGallery ?? {}).sort()]);
    return about(olds) === about(news);
}

/** Another name is another template; a template is never changed. */
export async function diff(_id: string, olds: State, news: State): Promise<dynamic.DiffResult> {
    const replaces = [
        ...(olds.template === news.template ? [] : ["template"]),
        ...(isSame(olds, news) ? [] : ["computeGallery"]),
    ];
    return Promise.resolve({ changes: replaces.length > 0, replaces });
}

/** Makes the template. */
export async function create(inputs: State): Promise<dynamic.CreateResult<State>> {
    const { machines, configKey, computeGallery, template, basedOn } = inputs;
    const capi = await readMachines(machines, configKey);
    if (template !== basedOn) {
        const base = await readTemplate(machines, basedOn);
        if (!base) {
            throw new UserError(
                `${configKey}: AzureMachineTemplate ${machines.namespace}/${basedOn}, which ${template} is to be made from, has gone; preview again`,
            );
        }
        await makeTemplate(machines, template, withImage(base.spec, computeGallery), { capi, configKey });
    }
    return { id: `${machines.namespace}/${template}`, outs: inputs };
}

/** Never called with anything to do, since no change is an update. */
export async function update(_id: string, _olds: State, news: State): Promise<dynamic.UpdateResult<State>> {
    return Promise.resolve({ outs: news });
}

/** Nobody else's template is deleted, and none that something refers to. */
async function remove(_id: string, { machines, template, configKey }: State): Promise<void> {
    try {
        await dropTemplate(machines, template);
        await pruneTemplates(machines);
    } catch (error) {
        throw asUserError(
            error,
            (reason) =>
                `${configKey}: AzureMachineTemplate ${machines.namespace}/${template} cannot be deleted: ${reason}`,
        );
    }
}
export { remove as delete };
