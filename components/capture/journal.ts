// The journal of an in-place capture: an annotation on the node that says what it was like before, so that even a later
// process can restore it. Pure.
import { z } from "zod";
import { RESOURCE_GROUP_NAME } from "../azure/ids";
import { parseVersion } from "../core/version";

/**
 * The annotation that a node carries while its disk is captured in place; one that stays belongs to a capture that
 * died.
 */
export const JOURNAL = "kamino/capture-journal";

/** How a person takes a journal away once the node is as it should be. */
export function removalOf(node: string): string {
    return `kubectl annotate node ${node} ${JOURNAL}-`;
}

/** What a journal may say. Whoever may write nodes may have written it, so all of it is checked. */
const JOURNAL_SCHEMA = z.object({
    pool: z.string().regex(/^[\w.-]{1,80}$/),
    /** The image version that the disk is captured for. */
    version: z.string().refine((text) => parseVersion(text) !== undefined),
    /** The resource group that its snapshot goes to: any name that Azure takes. */
    resourceGroup: z.string().regex(RESOURCE_GROUP_NAME),
    /** The namespace of its pods. */
    namespace: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/),
    /** Whether the node was cordoned before the capture. */
    cordoned: z.boolean(),
    /** What the annotation that keeps the cluster autoscaler away was before, if it was there. */
    scaleDownDisabled: z.string().max(1024).optional(),
    /** `status.nodeInfo` of the node before its restart: both change when a cleaned disk has booted. */
    machineId: z.string().max(64).optional(),
    bootId: z.string().max(64).optional(),
    /** Whether the disk may have been cleaned: then the machine that runs is not to be kept running as it is. */
    cleaning: z.boolean().optional(),
    /** The host that captures, for people; what makes its process numbers unique, as `captureProcess.ts` writes it. */
    host: z.string().regex(/^[\w.-]{1,253}$/),
    space: z
        .string()
        .regex(/^[0-9a-f-]{36}\/pid:\[\d{1,20}\]$/)
        .optional(),
    /** The number of the process that captures. */
    process: z.number().int().positive(),
    /** RFC 3339: when the capture last renewed its journal, which it does every half minute. */
    heartbeatAt: z.string().refine((text) => !Number.isNaN(Date.parse(text))),
});

/** What a journal says. Whose node and which VM it is, the node itself says: an annotation does not prove it. */
export type Journal = z.infer<typeof JOURNAL_SCHEMA>;

/** How often a capture renews its journal, and how old a journal must be to be a dead capture's. In milliseconds. */
export const HEARTBEAT_MS = 30_000;
export const ABANDONED_AFTER_MS = 3 * 60_000;

/** The journal as the annotation's value. */
export function formatJournal(journal: Journal): string {
    return JSON.stringify(journal);
}

// Longer than any real one.
const LONGEST = 4096;

/** The journal in an annotation's value; undefined when there is none, or when a capture did not write it. */
export function parseJournal(annotation: string | undefined): Journal | undefined {
    if (annotation === undefined || annotation.length > LONGEST) {
        return undefined;
    }
    try {
        const { alive, ...value } = JSON.parse(annotation) as Record<string, unknown>;
        // Versions until 0.1 wrote the heartbeat as `alive`.
        const read = JOURNAL_SCHEMA.safeParse({ ...(alive !== undefined && { heartbeatAt: alive }), ...value });
        return read.success ? read.data : undefined;
    } catch {
        return undefined;
    }
}

/**
 * Whether a capture seems to be dead: its heartbeat is some minutes off. Whoever acts on it watches the journal first
 * (`watchCapture`), since the clocks of two machines may be off by as much.
 *
 * @param now as the API server says it, if at hand
 */
export function looksAbandoned({ heartbeatAt }: Pick<Journal, "heartbeatAt">, now: Date): boolean {
    return Math.abs(now.getTime() - Date.parse(heartbeatAt)) > ABANDONED_AFTER_MS;
}
