// Long-running operations: accepted at once, done after a while, asked for by polling.
import { randomBytes, randomUUID } from "node:crypto";
import { ArmError, type ErrorBody } from "./http/errors";
import { timestamp } from "./timestamp";

/**
 * The operation endpoints: three of the compute service (scale sets and VMs; disks and snapshots; galleries), and the
 * network service's.
 */
export type OperationKind = "operations" | "DiskOperations" | "capsOperations" | "networkOperations";

/** One operation. */
export interface Operation {
    id: string;
    kind: OperationKind;
    /** Id of the resource group where it works: who may read operations there may poll it. */
    scope: string;
    status: "InProgress" | "Succeeded" | "Failed";
    started: Date;
    ended?: Date;
    /** When it is expected to end, for the `Retry-After` estimate. */
    expectedEnd: number;
    error?: ErrorBody;
    /** What a finished disk operation embeds, and what its `Location` answers. */
    output?: unknown;
    /** Settles (never rejects) when the operation has ended. */
    done: Promise<void>;
}

/** What an operation is to do. */
export interface Work {
    kind: OperationKind;
    /** Id of the resource group where it works. */
    group: string;
    /** Location as the caller wrote it: the URL echoes its spelling (recorded). */
    location: string;
    apiVersion: string;
    milliseconds: number;
    /** Fails the operation with this error after its time instead of doing `run`. */
    failWith?: ArmError;
    /** Keeps the operation under way until it resolves, however long that is. */
    heldBy?: Promise<void>;
    /** Does the thing; an ArmError thrown here is the operation's error. The result is the operation's output. */
    run(): unknown;
    /** Puts the resource into its failed state. */
    failed?(error: ArmError): void;
    /** DELETE and POST answer with `Location` besides `Azure-AsyncOperation`; disks do so for PUT too (recorded). */
    withLocation?: boolean;
    notification?: boolean;
}

/** All operations of this run. */
export class Operations {
    private readonly byId = new Map<string, Operation>();

    constructor(
        private readonly context: { url: () => string; now: () => Date; wholeSeconds: boolean },
        private stopped = false,
    ) {}

    get(id: string): Operation | undefined {
        return this.byId.get(id.toLowerCase());
    }

    /** Starts the work and returns the operation with the headers of the accepting answer. */
    start(work: Work): { operation: Operation; headers: Record<string, string> } {
        const operation: Operation = {
            id: randomUUID(),
            kind: work.kind,
            scope: work.group,
            status: "InProgress",
            started: this.context.now(),
            expectedEnd: Date.now() + work.milliseconds,
            done: Promise.resolve(),
        };
        operation.done = this.perform(operation, work);
        this.byId.set(operation.id, operation);
        return { operation, headers: this.headers(operation, work) };
    }

    /** Whether any operation is still under way. */
    busy(): boolean {
        return [...this.byId.values()].some((operation) => operation.status === "InProgress");
    }

    /** Waits until nothing is under way (for tests and for stopping). */
    async settled(): Promise<void> {
        while (this.busy()) {
            await Promise.all([...this.byId.values()].map((operation) => operation.done));
        }
    }

    /** Lets what is under way end at once without doing anything more. */
    stop(): void {
        this.stopped = true;
    }

    /**
     * Seconds that a client should wait: the estimate of what is left, at most 10. See AzureOptions.wholeSeconds for
     * what is below 1.
     */
    retryAfter(operation: Operation): number {
        const left = Math.round((operation.expectedEnd - Date.now()) / 1000);
        return Math.max(this.context.wholeSeconds ? 1 : 0, Math.min(10, left));
    }

    private async perform(operation: Operation, work: Work): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, work.milliseconds).unref());
        try {
            await work.heldBy;
            if (this.stopped) {
                return;
            }
            if (work.failWith) {
                throw work.failWith;
            }
            operation.output = await work.run();
            operation.status = "Succeeded";
        } catch (error) {
            const failure =
                error instanceof ArmError
                    ? error
                    : new ArmError(
                          500,
                          "InternalExecutionError",
                          `An internal execution error occurred: ${String(error)}`,
                      );
            work.failed?.(failure);
            operation.error = failure.body();
            operation.status = "Failed";
        }
        operation.ended = this.context.now();
    }

    // From 2024 on the URLs carry signed query parameters; clients must treat them as opaque, so something opaque is
    // there.
    private headers(operation: Operation, work: Work): Record<string, string> {
        const subscription = work.group.split("/").slice(0, 3).join("/");
        const [provider, endpoint] =
            work.kind === "networkOperations" ? ["Microsoft.Network", "operations"] : ["Microsoft.Compute", work.kind];
        const base = `${this.context.url()}${subscription}/providers/${provider}/locations/${work.location}`;
        const signed = `t=${Date.now()}&c=${randomBytes(24).toString("base64url")}&s=${randomBytes(24).toString("base64url")}&h=${randomBytes(16).toString("base64url")}`;
        const async = `${base}/${endpoint}/${operation.id}?p=${randomUUID()}&api-version=${work.apiVersion}&${signed}`;
        return {
            "azure-asyncoperation": async,
            ...(work.withLocation && { location: async.replace("&api-version=", "&monitor=true&api-version=") }),
            ...(work.notification && { "azure-asyncnotification": "Enabled" }),
            "retry-after": String(this.retryAfter(operation)),
        };
    }
}

/**
 * The body of a poll: startTime, endTime, status, error or properties, name, in the recorded order; the network
 * service's says no more than how it stands.
 */
export function operationBody(operation: Operation): Record<string, unknown> {
    if (operation.kind === "networkOperations") {
        return { status: operation.status, ...(operation.error && { error: operation.error }) };
    }
    return {
        startTime: timestamp(operation.started),
        ...(operation.ended && { endTime: timestamp(operation.ended) }),
        status: operation.status,
        ...(operation.error && { error: operation.error }),
        ...(operation.kind === "DiskOperations" && operation.output !== undefined
            ? { properties: { output: operation.output } }
            : {}),
        name: operation.id,
    };
}
