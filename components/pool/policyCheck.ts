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
import { modelFromImage, poolIdOf, type PoolModel } from "./model";
import type { Pool } from "./pool";

/**
 * Asks Azure Policy of everything that an image is made with: the snapshot, the copied disk where there is one, the
 * image version; and of the scale set as it would be with that image, which a policy of approved images denies. The
 * gallery and the image definition are made before a capture begins, so that their denial comes early enough by itself.
 *
 * @returns why it cannot be known, where Azure does not tell this identity
 * @throws UserError in one line for each resource that a policy would deny
 */
export async function checkPolicies(pool: Pool, choice: Choice): Promise<string | undefined> {
    const planned = plannedResources(pool, choice);
    const answers = await Promise.all(planned.map(policyDenials));
    const denied = answers.flatMap((answer, index) => {
        const [denial] = "denials" in answer ? answer.denials : [];
        return denial ? [{ ...planned[index].content, ...denial }] : [];
    });
    if (denied.length > 0) {
        throw new UserError(denied.map((denial) => denialText(pool, choice, denial)).join("\n"));
    }
    return answers.flatMap((answer) => ("unknown" in answer ? [answer.unknown] : []))[0];
}

function denialText(
    pool: Pool,
    { version }: Choice,
    { type, name, assignment, reason }: PolicyDenial & { type: string; name: string },
): string {
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
        ...(pool.machines ? [] : [plannedScaleSet(pool, choice)]),
    ];
}

/** The scale set with the image, as this program writes it, or CAPZ with all that there is. */
function plannedScaleSet({ live, machinePool, settings, scaleSet, ...pool }: Pool, choice: Choice): PlannedResource {
    const image = imageVersionId(pool, choice.version);
    const { removeExtensions, keepExtensions, bootstrap: configured } = settings.scaleSet;
    const bootstrap = bootstrapOf(configured, [choice]);
    const model = machinePool
        ? withImage(live, image)
        : modelFromImage(live, scaleSet.resourceGroup, {
              ...{ imageVersionId: image, removeExtensions, keepExtensions, bootstrap },
          });
    const { properties = {}, tags, zones, plan, sku } = inArmForm(model) as Partial<PlannedResource["content"]>;
    const content = { name: live.name, location: live.location, tags, zones, plan, identity: live.identity, sku };
    return { ...scaleSet, apiVersion: API_VERSION, content: { type: SCALE_SET, ...content, properties } };
}

function withImage(live: PoolModel, id: string): PoolModel {
    const { virtualMachineProfile: profile } = live;
    const storageProfile = { ...profile?.storageProfile, imageReference: { id } };
    return { ...live, virtualMachineProfile: { ...profile, storageProfile } as PoolModel["virtualMachineProfile"] };
}
