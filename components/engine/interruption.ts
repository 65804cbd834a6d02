// Being told to stop in the middle of a capture: by a signal, or by the end of the engine that started this process.
import { UserError } from "../core/errors";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** An end of input within this time says nothing: then the engine does not hold the other end. */
const SETTLED_MS = 1000;

let running = 0;
let controller = new AbortController();
let received: NodeJS.Signals | undefined;

/** The variable with the moment, in milliseconds, at which a run's time is over. */
export const STOP_AT = "KAMINO_STOP_AT";

/** A stop that somebody asked for. The end of the run's time, or of the engine, is none: it would come again. */
class AskedToStop extends UserError {}

function stop(signal: NodeJS.Signals): void {
    const isOver = Date.now() >= Number(process.env[STOP_AT] ?? Infinity);
    const Reason = isOver ? UserError : AskedToStop;
    interrupt(signal, new Reason(`interrupted by ${signal}`));
}

/** Aborts the work, and has the process end by the signal once it has ended. */
function interrupt(signal: NodeJS.Signals, reason: UserError): void {
    received = signal;
    controller.abort(reason);
}

/** Whether work was aborted since somebody asked for it. */
export function isAskedToStop({ reason }: AbortSignal): boolean {
    return reason instanceof AskedToStop;
}

/**
 * Does something that must not be cut off: instead of ending the process, SIGINT, SIGTERM and SIGHUP abort the signal
 * that it gets, and the process ends once all such work has ended. The engine's own end counts as a SIGTERM.
 */
export async function deferSignals<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (running++ === 0) {
        controller = new AbortController();
        SIGNALS.forEach((signal) => process.on(signal, stop));
        watchEngine();
    }
    try {
        return await work(controller.signal);
    } finally {
        if (--running === 0) {
            SIGNALS.forEach((signal) => process.off(signal, stop));
            endByReceivedSignal();
        }
    }
}

/** Ends the process by the signal that it got meanwhile, once the answer to the engine is out. */
function endByReceivedSignal(): void {
    const signal = received;
    if (signal) {
        setTimeout(() => process.kill(process.pid, signal), 1000).unref();
    }
}

let watched = false;

/** The engine holds this process's input open for as long as it lives, so that its end is seen even after a kill -9. */
function watchEngine(): void {
    // Only the process of the dynamic resources has the engine's address as argument.
    if (watched || !/:\d+$/.test(process.argv[2] ?? "")) {
        return;
    }
    watched = true;
    const since = Date.now();
    process.stdin.resume().once("end", () => {
        if (running > 0 && Date.now() - since > SETTLED_MS) {
            interrupt("SIGTERM", new UserError("interrupted, since the engine has ended"));
        }
    });
    process.stdin.unref?.();
}
