// What was asked of the local Azure, by whom and with what answer, for tests to assert on.

/** One request as it was answered. */
export interface LoggedRequest {
    method: string;
    path: string;
    apiVersion: string | undefined;
    /** Name of the principal whose token was sent, if there was one. */
    principal: string | undefined;
    /** RBAC actions that were checked, the route's own first, then the linked ones. */
    actions: string[];
    status: number;
    body: unknown;
    at: Date;
}

/** The requests of this run in the order of their answers; polls of operations are left out unless asked for. */
export class RequestLog {
    private entries: LoggedRequest[] = [];

    add(entry: LoggedRequest): void {
        this.entries.push(entry);
    }

    /** All requests; `polls: true` includes the reads of operations' states. */
    all(options: { polls?: boolean } = {}): LoggedRequest[] {
        return this.entries.filter(
            (entry) => options.polls || !/\/locations\/[^/]+\/\w*operations\//i.test(entry.path),
        );
    }

    /** The requests that change something. */
    writes(): LoggedRequest[] {
        const reads = (entry: LoggedRequest) =>
            ["GET", "HEAD"].includes(entry.method) || /\/checkPolicyRestrictions$/i.test(entry.path);
        return this.all().filter((entry) => !reads(entry));
    }

    /** The distinct RBAC actions that were used, sorted. */
    actions(): string[] {
        return [...new Set(this.entries.flatMap((entry) => entry.actions))].sort();
    }

    clear(): void {
        this.entries = [];
    }
}
