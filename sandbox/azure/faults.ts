// Failures and delays that a test or the demo asks the local Azure for: refused requests, slow ones, throttling, operations that fail.
import { ArmError } from "./http/errors";

/** Which requests a fault is for; `path` is matched against the path without its query. */
export interface FaultMatch {
    method?: string;
    path: RegExp;
    /** How many requests it hits before it is spent; without it, all. */
    times?: number;
}

type Kind = "refuse" | "delay" | "operation";

interface Fault {
    kind: Kind;
    match: FaultMatch;
    left: number;
    error?: ArmError;
    milliseconds?: number;
}

/** The faults that are armed. */
export class Faults {
    private armed: Fault[] = [];

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

    clear(): void {
        this.armed = [];
    }

    /** Called for every request: waits, throws, or lets it pass. */
    async meet(method: string, path: string): Promise<void> {
        const slow = this.spend("delay", method, path);
        if (slow?.milliseconds) await new Promise((resolve) => setTimeout(resolve, slow.milliseconds));
        const refused = this.spend("refuse", method, path);
        if (refused?.error) throw refused.error;
    }

    /** The error that the operation started by this request shall end with, if one is armed. */
    operationError(method: string, path: string): ArmError | undefined {
        return this.spend("operation", method, path)?.error;
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
        if (fault) fault.left -= 1;
        return fault;
    }
}
