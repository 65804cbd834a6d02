// What a person sees of the dynamic resources' work: lines in the engine's own display, sent through its Log call.
import { Metadata, credentials } from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import { safeToPrint } from "../core/text";

// The engine starts the process of the dynamic resources with its own address as only argument.
const engineAddress = process.argv[2];
const PATIENCE_MS = 5000;

// After the engine was killed nobody reads what this process writes. A node that is being restored must not be lost to
// that.
if (engineAddress !== undefined) {
    [process.stdout, process.stderr].forEach((stream) => stream.on("error", () => undefined));
}

let client: EngineClient | undefined;
let sending = Promise.resolve();

function engine(): EngineClient | undefined {
    if (!client && /^[\w.[\]:-]+:\d+$/.test(engineAddress ?? "")) {
        client = new EngineClient(engineAddress, credentials.createInsecure());
    }
    return client;
}

/** A line that stays on screen and in the log. Resolves when the engine has it; never rejects. */
export function info(message: string): Promise<void> {
    return send(LogSeverity.INFO, message, false);
}

/** A warning: something that a person should look at, and that does not stop the run. Never rejects. */
export function warn(message: string): Promise<void> {
    return send(LogSeverity.WARNING, message, false);
}

/** A line for programs that read the event log, which no screen shows unless it is asked to. Never rejects. */
export function note(message: string): Promise<void> {
    return send(LogSeverity.DEBUG, message, false);
}

/** What is being done at this moment; the next status takes its place. Never rejects. */
export function status(message: string): Promise<void> {
    return send(LogSeverity.INFO, message, true);
}

/** One after the other: calls under way at the same time may overtake each other. */
function send(severity: LogSeverity, message: string, ephemeral: boolean): Promise<void> {
    // Much of it is what nodes, disks and Azure say.
    sending = sending.then(() => deliver(severity, safeToPrint(message), ephemeral));
    return sending;
}

async function deliver(severity: LogSeverity, message: string, ephemeral: boolean): Promise<void> {
    const target = engine();
    const sent =
        target !== undefined &&
        (await new Promise<boolean>((resolve) => {
            const request = new LogRequest();
            request.setSeverity(severity);
            request.setMessage(message);
            request.setEphemeral(ephemeral);
            const options = { deadline: Date.now() + PATIENCE_MS };
            target.log(request, new Metadata(), options, (error) => resolve(!error));
        }));
    if (!sent && severity !== LogSeverity.DEBUG) {
        // Outside the engine (a test, a killed run that still restores a node): stderr is better than nothing.
        console.error(message);
    }
}
