// Compares each pool's model with what this stack last wrote, says what others have changed, and decides whether the
// run goes on.
import * as pulumi from "@pulumi/pulumi";
import { recordOf, type ModelRecord, type PreviousPool } from "../../policies/contract";
import { lastWriteOf } from "../azure/activity";
import { imageDefinitionId } from "../azure/ids";
import { UserError } from "../core/errors";
import { keepsExtension, parseExtensionText } from "./extensions";
import { DECISIONS, foreignChangeLine, foreignChanges, type Author, type ForeignChange } from "./foreignChanges";
import { authorOfImage, recordOfMachinePool } from "./machinePool";
import { authorOfTemplate, recordOfMachines } from "./machines";
import { modelAsItIs, type LiveModel, type PoolModel } from "./model";
import type { Pool } from "./pool";

/** What others have changed in a pool's model since this stack's last run. */
export interface Review {
    pool: Pool;
    /** The record of the model as Azure had it at the start of this run. */
    live: ModelRecord;
    changes: ForeignChange[];
    /** All of it in words; empty when nobody changed anything. */
    line: string;
}

/** The record of a pool's model as Azure has it; where Cluster API has it what the management cluster says. */
export function recordOfLive(live: PoolModel, { scaleSet, machinePool, machines }: Pool): ModelRecord {
    if (machines) {
        return recordOfMachines(machines.capi);
    }
    return machinePool ? recordOfMachinePool(machinePool.capi) : recordOf(modelAsItIs(live, scaleSet.resourceGroup));
}

/**
 * What differs between a record and a model read later, for a pool with this configuration.
 *
 * @param writing the version that this run is about to write, where both are of this run
 */
export function compare(pool: Pool, previous: PreviousPool, live: ModelRecord, writing?: string): ForeignChange[] {
    const { removeExtensions, keepExtensions, bootstrap = previous.bootstrap } = pool.settings.scaleSet;
    const settings = { removeExtensions, keepExtensions, bootstrap };
    return foreignChanges({
        previous,
        live,
        imageDefinitionId: imageDefinitionId(pool),
        pin: pool.settings.selection.pin,
        writing,
        removes: (text) => !keepsExtension(parseExtensionText(text), settings),
    });
}

/**
 * Compares a pool with what the stack's last successful update said of it. Asks Azure who it was, where somebody
 * changed something.
 */
export async function reviewPool(pool: Pool, previous: PreviousPool): Promise<Review> {
    const live = recordOfLive(pool.live, pool);
    const changes = compare(pool, previous, live);
    if (changes.length === 0) {
        return { pool, live, changes, line: "" };
    }
    const line = foreignChangeLine(changes, previous.model ?? live, live, await authorOf(pool));
    return { pool, live, changes, line: `${pool.settings.name}: ${line}` };
}

async function authorOf({ live: { id, systemData }, machinePool, machines }: Pool): Promise<Author> {
    if (machines) {
        return authorOfTemplate(machines.capi);
    }
    if (machinePool) {
        return authorOfImage(machinePool.capi);
    }
    const { lastModifiedBy, lastModifiedAt } = (systemData ?? {}) as Partial<LiveModel["systemData"]>;
    const write = lastModifiedBy ? undefined : await lastWriteOf(id);
    return { name: lastModifiedBy ?? write?.caller, at: lastModifiedAt ?? write?.at };
}

/** Whether somebody has to decide about a pool before the run may go on. */
function needsDecision({ pool, changes }: Review): boolean {
    return pool.settings.scaleSet.onForeignChange === "stop" && changes.some((change) => change.needsDecision);
}

/**
 * Says what others have changed, and stops the run where the configuration does not say what becomes of it: an update
 * before it declares anything; a preview at its end, once the plan is shown.
 *
 * @throws UserError with a line for each pool that needs a decision
 */
export function sayForeignChanges(reviews: Review[]): void {
    const stopped = reviews.filter(needsDecision);
    for (const review of reviews.filter(({ line }) => line !== "")) {
        if (!stopped.includes(review)) {
            void pulumi.log.warn(review.line);
        }
    }
    if (stopped.length === 0) {
        return;
    }
    const lines = stopped.map(({ line, pool }) => `${pool.configKey}: ${line}; the run stops here: ${DECISIONS}`);
    const stop = () => {
        throw new UserError(lines.join("\n"));
    };
    if (!pulumi.runtime.isDryRun()) {
        stop();
    }
    // Once there is nothing left to declare: an error that is only logged does not make a preview fail.
    process.once("beforeExit", stop);
}
