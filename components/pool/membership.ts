// Which pools a stack has: none under another name, none with another scale set, and what becomes of one that leaves.
import * as pulumi from "@pulumi/pulumi";
import { IMAGE_DEFINITION, IMAGE_VERSION, SCALE_SET, SELECTION, type PreviousPool } from "../../policies/contract";
import { isScaleSetId, parseArmId, versionIn } from "../azure/ids";
import { readScaleSet } from "../azure/scaleSets";
import { UserError } from "../core/errors";
import { describePool } from "../core/machinesId";
import { includesVersion, sameVersion } from "../core/version";
import { RELEASE } from "./definitionPlace";
import type { StateResource } from "../engine/stackState";
import { galleryKey } from "./gallery";
import { galleryInState } from "./galleryInState";
import { imageResourceName } from "./imageVersion";
import type { Pool } from "./pool";
import { lastDefinition, type StackFacts } from "./stackFacts";

/** A pool of the configuration, by its name and the id of its scale set, or the `machinesId` of its single VMs. */
export interface Member {
    name: string;
    id: string;
    configKey: string;
}

/**
 * Refuses pools that are not what they were. All that the stack knows of a pool goes by its name: under another one it
 * would take its scale set in twice, and delete its images; with another scale set it would take the one for the other.
 *
 * @param previous what the last update said of each pool, by name
 * @throws UserError with a line for each such pool
 */
export function refuseOtherMembers(pools: Member[], previous: Map<string, PreviousPool>): void {
    const lines = pools.flatMap((pool) => otherMember(pool, previous) ?? []);
    if (lines.length > 0) {
        throw new UserError(lines.join("\n"));
    }
}

function otherMember({ name, id, configKey }: Member, previous: Map<string, PreviousPool>): string | undefined {
    const isSame = (other?: string) => other?.toLowerCase() === id.toLowerCase();
    const before = previous.get(name)?.scaleSetId;
    if (isSame(before)) {
        return undefined;
    }
    const [formerName] = [...previous].find(([, { scaleSetId }]) => isSame(scaleSetId)) ?? [];
    if (formerName !== undefined) {
        return (
            `${configKey}: ${describePool(id)} was pool "${formerName}" until now, not "${name}": keep \`name: ${formerName}\`, ` +
            `or release that pool first (${RELEASE})`
        );
    }
    if (before === undefined) {
        return undefined;
    }
    const [old, now] =
        describePool(before) === describePool(id) ? [before, id] : [describePool(before), describePool(id)];
    return (
        `${configKey}: pool "${name}" was ${old} until now, not ${now}: give the new one another name, ` +
        `and release the old one (${RELEASE})`
    );
}

/**
 * Says of each pool that leaves the stack what stays in Azure, and what has to be unprotected before.
 *
 * @throws UserError with a line for each whose image would be deleted while new nodes start from it
 */
export async function reviewLeaving(pools: Pool[], facts: StackFacts): Promise<void> {
    const names = pools.map(({ settings }) => settings.name);
    const leaving = [...facts.previous].filter(([name]) => !names.includes(name));
    const refusals = await Promise.all(leaving.map(([name, previous]) => refusalOf(name, previous, facts)));
    const lines = refusals.filter((line) => line !== undefined);
    if (lines.length > 0) {
        throw new UserError(lines.join("\n"));
    }
    for (const [name, previous] of leaving) {
        void pulumi.log.warn(leavingLine(name, previous, pools, facts));
    }
}

/**
 * A version stays in Azure only from the update after the one that made it (decision 8). Nothing has to stay where the
 * scale set is gone.
 */
async function refusalOf(name: string, previous: PreviousPool, facts: StackFacts): Promise<string | undefined> {
    const { retained = "", versions = [], scaleSetId = "" } = previous;
    const definition = lastDefinition(facts, name);
    if (definition === undefined) {
        return undefined;
    }
    const images = [previous.model?.image];
    if (isScaleSetId(scaleSetId)) {
        const live = await readScaleSet(scaleSetId);
        if (!live) {
            return undefined;
        }
        images.push(live.virtualMachineProfile?.storageProfile?.imageReference?.id);
    }
    const used = images.flatMap((image) => versionIn(image, definition) ?? []);
    // An update that failed half-way has let go of the version that the outputs still say is retained.
    const current = facts.state?.find(SELECTION, name)?.outputs.current;
    const isStale = typeof current === "string" && current !== previous.version;
    const isKept = (version: string) => sameVersion(version, retained) && !isStale;
    const lost = used.find((version) => includesVersion(versions, version) && !isKept(version));
    return (
        lost &&
        `kamino:pools: pool "${name}" cannot leave the stack yet: new nodes of ${describePool(scaleSetId)} start from ` +
            `image ${lost}, which would be deleted; put the pool back, run one more update, then take it out (${RELEASE})`
    );
}

function leavingLine(name: string, previous: PreviousPool, pools: Pool[], facts: StackFacts): string {
    const { retained, scaleSetId = "" } = previous;
    const urns = urnsToUnprotect(name, retained, pools, facts);
    const image = retained ? ` and image ${retained} stay in Azure` : " stays in Azure";
    const first = urns.length > 0 ? `; first: pulumi state unprotect ${urns.map((urn) => `'${urn}'`).join(" ")}` : "";
    return `${name} leaves the stack: ${describePool(scaleSetId)}${image}, older images are deleted${first} (${RELEASE})`;
}

/** What the state protects for this pool alone; its gallery where no other pool has images in it. */
function urnsToUnprotect(name: string, retained: string | undefined, pools: Pool[], facts: StackFacts): string[] {
    const found = (type: RegExp, resource: string) => facts.state?.find(type, resource)?.urn ?? [];
    return [
        found(SCALE_SET, name),
        retained ? found(IMAGE_VERSION, imageResourceName(name, retained)) : [],
        found(IMAGE_DEFINITION, name),
        ownGalleryOf(name, pools, facts)?.urn ?? [],
    ].flat();
}

/** The stack's gallery that only this pool has images in. */
function ownGalleryOf(name: string, pools: Pool[], facts: StackFacts): StateResource | undefined {
    const definition = lastDefinition(facts, name);
    if (definition === undefined) {
        return undefined;
    }
    const { subscriptionId, resourceGroup, names } = parseArmId(definition);
    const gallery = { subscriptionId, resourceGroup, name: names[0] };
    const isShared = pools.some((pool) => galleryKey(pool.gallery) === galleryKey(gallery));
    return isShared ? undefined : galleryInState(facts, gallery);
}
