// Whether Azure Policy lets a run make what it is about to make: asked before a node is drained or its disk is copied.
import { policyDenials, type PlannedResource } from "../azure/policyRestrictions";
import { imageDefinitionId } from "../azure/ids";
import { UserError } from "../core/errors";
import { STACK_TAG } from "../azure/tags";
import { ownTags, snapshotName, type Target } from "../capture/names";
import { CLOSED, closedTo } from "../capture/protection";
import type { Choice } from "../selection/nodeSelection";
import { imageVersionTags, publishingProfile } from "./imageContent";
import { poolIdOf } from "./model";
import type { Pool } from "./pool";

/**
 * Asks Azure Policy of everything that an image is made with: the snapshot, the copied disk where there is one, the
 * image version. The gallery and the image definition are made before a capture begins, so that their denial comes
 * early enough by itself.
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
        const lines = denied.map(
            ({ type, assignment, reason }) =>
                `${pool.configKey}: Azure Policy denies the ${type} that image ${choice.version} is made with, by assignment ${assignment}` +
                `${reason && ` (${reason})`}; set what it demands (tags: kamino:tags), or have the resource group exempted`,
        );
        throw new UserError(lines.join("\n"));
    }
    return answers.flatMap((answer) => ("unknown" in answer ? [answer.unknown] : []))[0];
}

/** What a run makes of a choice in Azure, as far as it is known before. */
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
    ];
}
