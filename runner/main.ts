// Runs `npm run preview`, `npm run up` and the scheduled pod: command line in, exit code out.
import { oneLine } from "../components/core/errors";
import { observed } from "./observe";
import { EXIT, readOptions, USAGE } from "./options";
import { outliveReaders } from "./output";
import { run } from "./run";
import { stopInTime } from "./stop";

async function main(): Promise<number> {
    const options = readOptions(process.argv.slice(2), process.env);
    if (!options) {
        console.log(USAGE);
        return EXIT.nothing;
    }
    const stop = new AbortController();
    const stopFor = (why: string) => {
        console.error(`${why}: stopping; a capture that is under way first restores its node.`);
        stop.abort();
    };
    // SIGHUP: the terminal was closed, or the connection to it broke.
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
        process.on(name, () => stopFor(name));
    }
    stopInTime(process.env, stopFor);
    return await observed(options, process.env, (phases) => run(options, process.env, stop.signal, phases));
}

outliveReaders();
main().then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
        console.error(oneLine(error));
        process.exit(EXIT.error);
    },
);
