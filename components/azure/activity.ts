// Who wrote a resource last, as far as Azure tells: its activity log, which not every identity may read.
import { askResourceManager } from "./arm";
import { parseArmId } from "./ids";

/** The last write of a resource. */
export interface LastWrite {
    /** A user's sign-in name, or the object id of an application. */
    caller: string;
    /** RFC 3339, UTC. */
    at: string;
}

interface Event {
    caller?: string;
    eventTimestamp?: string;
    operationName?: { value?: string };
    status?: { value?: string };
}

const DAY_MS = 24 * 3600 * 1000;
// Azure keeps the log for 90 days. A week is a page or two of it.
const DAYS = 7;

/**
 * The last write of a resource in the last week, or undefined when Azure does not tell: the right is missing
 * (Microsoft.Insights/eventtypes/values/read), the log has no write of it, or Azure does not answer. It is to name
 * somebody, so no failure of it matters.
 * Source: https://learn.microsoft.com/rest/api/monitor/activity-logs/list
 */
export async function lastWriteOf(id: string): Promise<LastWrite | undefined> {
    try {
        const { subscriptionId } = parseArmId(id);
        const since = new Date(Date.now() - DAYS * DAY_MS).toISOString();
        const query = new URLSearchParams({
            "api-version": "2015-04-01",
            $filter: `eventTimestamp ge '${since}' and resourceUri eq '${id}'`,
        });
        const path = `/subscriptions/${subscriptionId}/providers/Microsoft.Insights/eventtypes/management/values`;
        const { answer } = await askResourceManager<{ value?: Event[] }>(subscriptionId, `${path}?${query}`);
        return latestWrite(answer.value ?? []);
    } catch {
        return undefined;
    }
}

function latestWrite(events: Event[]): LastWrite | undefined {
    const writes = events.filter(
        ({ operationName, status, caller, eventTimestamp }) =>
            /\/write$/i.test(operationName?.value ?? "") && status?.value === "Succeeded" && caller && eventTimestamp,
    );
    const last = writes.sort((a, b) => (a.eventTimestamp ?? "").localeCompare(b.eventTimestamp ?? "")).at(-1);
    return last && { caller: last.caller ?? "", at: last.eventTimestamp ?? "" };
}
