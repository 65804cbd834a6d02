// Failures and delays that a test or the demo asks the local Azure for: refused requests, slow ones, throttling,
// operations that fail.
import { ArmError } from "./http/errors";

/** Which requests a fault is for; `path` is matched against the path without its query. */
export interface FaultMatch {
    method?: string;
    path: RegExp;
    /** How many requests it hits before it is spent; without it, all. */
    times?: number;
}

type Kind = "refuse" | "delay" | "operation" | "reset" | "endless";

interface Fault {
    kind: Kind;
    match: FaultMatch;
    left: number;
    error?: ArmError;
    milliseconds?: number;
}

/**
 * Sees every request to a resource before it is done and before it is answered; while its promise is pending, the
 * request waits.
 */
export interface RequestWatcher {
    before(request: { method: string; path: string; principal: string }): Promise<void> | void;
    after(request: { method: string; path: string; principal: string }): Promise<void> | void;
}

/** Thrown in place of an answer: the connection breaks off. */
export class ConnectionReset extends Error {}

/** The faults that are armed. */
export class Faults {
    private armed: Fault[] = [];
    /** Who looks on, if anybody. */
    watcher?: RequestWatcher;
    private readonly holding: (() => void)[] = [];

    /** Answers matching requests with an error instead of doing them. */
    fail(fault: FaultMatch & { status: number; code: string; message: string }): void {
        this.arm("refuse", fault, { error: new ArmError(fault.status, fault.code, fault.message) });
    }

    /** Answers 429 with `Retry-After`, as the compute service does when a call limit is used up. */
    throttle(fault: FaultMatch & { retryAfter?: number }): void {
        const seconds = fault.retryAfter ?? 1;
        const error = new ArmError(
            429,
            "OperationNotAllowed",
            "The server rejected the request because too many requests have been received.",
            {
                details: [
                    {
                        code: "TooManyRequests",
                        target: "HighCostGet",
                        message: JSON.stringify({
                            operationGroup: "HighCostGet",
                            allowedRequestCount: 800,
                            measuredRequestCount: 801,
                        }),
                    },
                ],
                headers: {
                    "retry-after": String(seconds),
                    "x-ms-ratelimit-remaining-resource": "Microsoft.Compute/HighCostGet;0",
                },
            },
        );
        this.arm("refuse", fault, { error });
    }

    /** Holds matching requests back for a time before they are done. */
    delay(fault: FaultMatch & { milliseconds: number }): void {
        this.arm("delay", fault, { milliseconds: fault.milliseconds });
    }

    /** Lets matching requests be accepted and the long-running operation that they start end as `Failed`. */
    failOperation(fault: FaultMatch & { code: string; message: string }): void {
        this.arm("operation", fault, { error: new ArmError(409, fault.code, fault.message) });
    }

    /** Breaks the connection of matching requests off before they are done. */
    reset(fault: FaultMatch): void {
        this.arm("reset", fault, {});
    }

    /**
     * Lets matching requests be accepted and the long-running operation that they start go on until the faults are
     * cleared.
     */
    neverEnd(fault: FaultMatch): void {
        this.arm("endless", fault, {});
    }

    clear(): void {
        this.armed = [];
        this.holding.splice(0).forEach((letGo) => letGo());
    }

    /** Called for every request: waits, throws, or lets it pass. */
    async meet(method: string, path: string): Promise<void> {
        const slow = this.spend("delay", method, path);
        if (slow?.milliseconds) {
            await new Promise((resolve) => setTimeout(resolve, slow.milliseconds));
        }
        if (this.spend("reset", method, path)) {
            throw new ConnectionReset();
        }
        const refused = this.spend("refuse", method, path);
        if (refused?.error) {
            throw refused.error;
        }
    }

    /** What the operation started by this request ends with, and what it waits for before, as far as that is armed. */
    ofOperation(method: string, path: string): { failWith?: ArmError; heldBy?: Promise<void> } {
        const heldBy =
            this.spend("endless", method, path) && new Promise<void>((resolve) => this.holding.push(resolve));
        return { failWith: this.spend("operation", method, path)?.error, heldBy };
    }

    private arm(kind: Kind, match: FaultMatch, what: Pick<Fault, "error" | "milliseconds">): void {
        this.armed.push({ kind, match, left: match.times ?? Infinity, ...what });
    }

    private spend(kind: Kind, method: string, path: string): Fault | undefined {
        const fault = this.armed.find(
            (one) =>
                one.kind === kind &&
                one.left > 0 &&
                (one.match.method ?? method).toUpperCase() === method.toUpperCase() &&
                new RegExp(one.match.path.source, one.match.path.flags.replace("g", "")).test(path),
        );
        if (fault) {
            fault.left -= 1;
        }
        return fault;
    }
}
