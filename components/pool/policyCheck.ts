// Whether Azure Policy lets a run make what it is about to make: asked before a node is drained or its disk is copied.
import { policyDenials, type PlannedResource, type PolicyDenial } from "../azure/policyRestrictions";
import { imageDefinitionId, imageVersionId } from "../azure/ids";
import { API_VERSION, inArmForm } from "../azure/scaleSetForm";
import { UserError } from "../core/errors";
import { STACK_TAG } from "../azure/tags";
import { ownTags, snapshotName, type Target } from "../capture/names";
import { CLOSED, closedTo } from "../capture/protection";
import { bootstrapOf, type Choice } from "../selection/nodeSelection";
import { imageVersionTags, publishingProfile } from "./imageContent";
import { modelAsItIs, modelFromImage, poolIdOf, type DeclaredModel, type PoolModel } from "./model";
import type { Pool } from "./pool";

/**
 * Asks Azure Policy of everything that an image is made with: the snapshot, the copied disk where there is one, the
 * image version; and of the scale set as it would be with that image, which a policy of approved images denies. The
 * gallery and the image definition are made before a capture begins, so that their denial comes early enough by itself.
 *
 * @returns why it cannot be known, where Azure does not tell this identity, or denies the scale set as it is, too
 * @throws UserError in one line for each resource that a policy would deny
 */
export async function checkPolicies(pool: Pool, choice: Choice): Promise<string | undefined> {
    const planned = plannedResources(pool, choice);
    const answers = await Promise.all(planned.map(policyDenials));
    const denied = await Promise.all(
        answers.map(async (answer, index): Promise<Denied[]> => {
            const { content } = planned[index];
            const denials = "denials" in answer ? answer.denials : [];
            const marked = content.type === SCALE_SET ? await compareWithLive(pool, denials) : denials;
            return marked.map((denial) => ({ ...content, ...denial }));
        }),
    );
    const refused = denied.flatMap((all) => all.filter(({ isOld }) => !isOld).slice(0, 1));
    if (refused.length > 0) {
        throw new UserError(refused.map((denial) => denialText(pool, choice, denial)).join("\n"));
    }
    const old = denied.flat().map(oldDenialText);
    return [...old, ...answers.flatMap((answer) => ("unknown" in answer ? [answer.unknown] : []))][0];
}

/** A denial of one resource. */
type Denied = PolicyDenial & { type: string; name: string; isOld?: boolean };

/**
 * Which denials of the scale set the new image does not bring: those that Azure has for the scale set as it is, from
 * the same assignment. The check at a resource group counts no exemption of the scale set itself.
 */
async function compareWithLive(pool: Pool, denials: PolicyDenial[]): Promise<(PolicyDenial & { isOld: boolean })[]> {
    if (denials.length === 0) {
        return [];
    }
    const { live, machinePool, scaleSet } = pool;
    const model = machinePool ? live : modelAsItIs(live, scaleSet.resourceGroup);
    const answer = await policyDenials(plannedScaleSet(pool, model));
    const before = "denials" in answer ? answer.denials.map(({ assignment }) => assignment.toLowerCase()) : [];
    return denials.map((denial) => ({ ...denial, isOld: before.includes(denial.assignment.toLowerCase()) }));
}

function oldDenialText({ name, assignment, reason }: Denied): string {
    return (
        `assignment ${assignment} denies scale set "${name}" also as it is now${reason && ` (${reason})`}, and whether the scale set ` +
        "is exempted Azure does not tell; where it is not, its model cannot be written"
    );
}

function denialText(pool: Pool, { version }: Choice, { type, name, assignment, reason }: Denied): string {
    const by = `by assignment ${assignment}${reason && ` (${reason})`}`;
    if (type === SCALE_SET) {
        return (
            `${pool.configKey}: Azure Policy denies to write scale set "${name}" with image ${version}, ${by}; have it allow the images of ` +
            `${imageDefinitionId(pool)}, give the scale set what else it demands, or have that exempted`
        );
    }
    return (
        `${pool.configKey}: Azure Policy denies the ${type} that image ${version} is made with, ${by}; ` +
        "set what it demands (tags: kamino:tags), or have the resource group exempted"
    );
}

const SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets";

/** What a run makes of a choice in Azure, or changes, as far as it is known before. */
export function plannedResources(pool: Pool, choice: Choice): PlannedResource[] {
    const { settings, scaleSet, gallery, location, storage, live, tags, stack } = pool;
    const { version, node, instanceId, rebootNeededAt } = choice;
    const target: Target = { pool: settings.name, version, node, instanceId, scaleSetId: poolIdOf(live) };
    const isCopy = (choice.capture ?? settings.capture.mode) === "copy";
    const { diskEncryptionSetId } = storage;
    const copied = {
        location,
        name: snapshotName(target, isCopy ? "copy" : undefined),
        // The moment of the capture is not known yet.
        tags: {
            ...{ ...tags, ...(isCopy && { [STACK_TAG]: stack }), rebootNeededAt },
            ...{ ...ownTags(target, isCopy), captured: rebootNeededAt },
        },
    };
    const properties = {
        creationData: { createOption: "Copy" },
        ...(diskEncryptionSetId && { encryption: { type: "EncryptionAtRestWithCustomerKey", diskEncryptionSetId } }),
        ...(isCopy ? CLOSED : closedTo(pool.diskAccess ?? {})),
    };
    const place = { ...scaleSet, apiVersion: "2024-03-02" };
    const snapshot = {
        type: "Microsoft.Compute/snapshots",
        sku: { name: "Standard_LRS" },
        properties: { ...properties, incremental: true },
    };
    const disk = {
        type: "Microsoft.Compute/disks",
        sku: { name: "StandardSSD_LRS" },
        properties: { ...properties, osType: "Linux" },
    };
    const image = {
        ...{ type: "Microsoft.Compute/galleries/images/versions", name: version, location },
        tags: imageVersionTags(pool, choice),
        properties: { publishingProfile: publishingProfile(pool) },
    };
    return [
        ...[snapshot, ...(isCopy ? [disk] : [])].map((content) => ({ ...place, content: { ...copied, ...content } })),
        { ...gallery, apiVersion: "2024-03-03", parentId: imageDefinitionId(pool), content: image },
        ...(pool.machines ? [] : [plannedScaleSet(pool, modelWith(pool, choice))]),
    ];
}

/** The model with the image, as this program writes it, or CAPZ with all that there is. */
function modelWith(
    { live, machinePool, settings, scaleSet, ...pool }: Pool,
    choice: Choice,
): PoolModel | DeclaredModel {
    const image = imageVersionId(pool, choice.version);
    const { removeExtensions, keepExtensions, bootstrap: configured } = settings.scaleSet;
    const bootstrap = bootstrapOf(configured, [choice]);
    return machinePool
        ? withImage(live, image)
        : modelFromImage(live, scaleSet.resourceGroup, {
              ...{ imageVersionId: image, removeExtensions, keepExtensions, bootstrap },
          });
}

function plannedScaleSet({ live, scaleSet }: Pool, model: PoolModel | DeclaredModel): PlannedResource {
    const { properties = {}, tags, zones, plan, sku } = inArmForm(model) as Partial<PlannedResource["content"]>;
    const content = { name: live.name, location: live.location, tags, zones, plan, identity: live.identity, sku };
    return { ...scaleSet, apiVersion: API_VERSION, content: { type: SCALE_SET, ...content, properties } };
}

function withImage(live: PoolModel, id: string): PoolModel {
    const { virtualMachineProfile: profile } = live;
    const storageProfile = { ...profile?.storageProfile, imageReference: { id } };
    return { ...live, virtualMachineProfile: { ...profile, storageProfile } as PoolModel["virtualMachineProfile"] };
}
