// AzureMachineTemplates in the management cluster: making one, and taking away those that nobody refers to.
import { PatchStrategy, setHeaderOptions } from "@kubernetes/client-node";
import { UserError, oneLine, orUndefined, statusOf } from "../core/errors";
import type { MachinesName } from "../core/machinesId";
import { withRetries } from "../core/retry";
import { info } from "../engine/progress";
import { FIELD_MANAGER } from "../node/node";
import { kubernetes, type Kubernetes } from "../node/kubernetes";
import { pathOf, templatesIn, type AzureMachineTemplate, type CapiMachines, type MachinesAt } from "./machines";
import { listObjects, readObject, requireCore } from "./objects";
import {
    OWNED_SELECTOR,
    isOurs,
    isReleased,
    isSameTemplate,
    newTemplate,
    referrersTo,
    releasePatch,
    type Referrer,
} from "./template";

/** The template of this name, or undefined when there is none. */
export async function readTemplate(at: MachinesAt, name: string): Promise<AzureMachineTemplate | undefined> {
    return readObject(await kubernetes(at.kubernetes), { ...templatesIn(at.namespace), name });
}

/**
 * Makes a template, unless it is there already: a run that was killed may have made it.
 *
 * @throws UserError in one line when another one has its name, or the API server refuses
 */
export async function makeTemplate(
    at: MachinesAt,
    name: string,
    spec: AzureMachineTemplate["spec"],
    { capi, configKey }: { capi: CapiMachines; configKey: string },
): Promise<void> {
    const { custom } = await kubernetes(at.kubernetes);
    const what = `${configKey}: AzureMachineTemplate ${at.namespace}/${name}`;
    const body = newTemplate(name, spec, at, capi);
    try {
        await withRetries(() =>
            custom.createNamespacedCustomObject({ ...templatesIn(at.namespace), body, fieldManager: FIELD_MANAGER }),
        );
        return;
    } catch (error) {
        if (statusOf(error) !== 409) {
            throw new UserError(`${what} cannot be made: ${oneLine(error)}`);
        }
    }
    const there = await readTemplate(at, name);
    if (!there || !isSameTemplate(there.spec, spec)) {
        throw new UserError(`${what} is there already and makes other machines; preview again`);
    }
    if (isOurs(there, at) && isReleased(there)) {
        await release(at, name, false);
    }
}

/** Takes a template of this program's out of the cluster, or has a later run do so while something refers to it. */
export async function dropTemplate(at: MachinesAt, name: string): Promise<void> {
    const cluster = await kubernetes(at.kubernetes);
    const there = await readTemplate(at, name);
    if (!there || !isOurs(there, at)) {
        return;
    }
    const referrers = referrersTo(name, await referrersIn(cluster, at));
    if (referrers.length > 0) {
        await release(at, name, true);
        await info(
            `AzureMachineTemplate ${at.namespace}/${name} stays as long as ${referrers.join(", ")} refers to it; a later run deletes it`,
        );
        return;
    }
    await remove(cluster, at, name);
}

/** Deletes the templates that left the stack while something referred to them, once nothing does. */
export async function pruneTemplates(at: MachinesAt): Promise<void> {
    const cluster = await kubernetes(at.kubernetes);
    const all = await listObjects<AzureMachineTemplate>(cluster, templatesIn(at.namespace), OWNED_SELECTOR);
    const released = all.filter((template) => isOurs(template, at) && isReleased(template));
    if (released.length === 0) {
        return;
    }
    const referrers = await referrersIn(cluster, at);
    for (const { metadata } of released) {
        const name = metadata.name ?? "";
        if (referrersTo(name, referrers).length === 0) {
            await remove(cluster, at, name);
            await info(`AzureMachineTemplate ${at.namespace}/${name} is deleted: nothing refers to it any more`);
        }
    }
}

/** All that makes machines from the templates of a namespace. */
async function referrersIn(cluster: Kubernetes, { namespace }: MachinesName): Promise<Referrer[]> {
    const version = await requireCore(cluster, `the namespace ${namespace}`);
    const kinds = ["MachineDeployment", "MachineSet"] as const;
    const lists = kinds.map(async (kind) => {
        const found = await listObjects<Referrer>(cluster, pathOf({ kind, namespace, name: "" }, version));
        return found.map((each) => ({ ...each, kind }));
    });
    return (await Promise.all(lists)).flat();
}

async function release(
    { kubernetes: settings, namespace }: MachinesAt,
    name: string,
    released: boolean,
): Promise<void> {
    const { custom } = await kubernetes(settings);
    const call = { ...templatesIn(namespace), name, body: releasePatch(released), fieldManager: FIELD_MANAGER };
    const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    await orUndefined(withRetries(() => custom.patchNamespacedCustomObject(call, options)));
}

async function remove({ custom }: Kubernetes, { namespace }: MachinesName, name: string): Promise<void> {
    await orUndefined(withRetries(() => custom.deleteNamespacedCustomObject({ ...templatesIn(namespace), name })));
}
