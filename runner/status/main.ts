// Behind `npm run status`: how a stack's pools stand. Reads the stack's state, Azure and the cluster, and changes
// nothing.
import { styleText } from "node:util";
import { configureAzure } from "../../components/azure/settings";
import { settingsIn } from "../../components/config/load";
import { oneLine, UserError } from "../../components/core/errors";
import { safeToPrint } from "../../components/core/text";
import { kubernetes } from "../../components/node/kubernetes";
import { readCommandLine } from "../commandLine";
import { withTokenFile } from "../github/tokenFile";
import { outliveReaders } from "../output";
import { configuration, selectedStack, stateOf, type RunContext } from "../pulumi";
import { withCanaries } from "./canary";
import { readCluster, readPool } from "./read";
import { statusOf, type PoolStatus } from "./show";
import { poolsIn } from "./state";
import { render } from "./text";
import { writeWhole } from "../writeWhole";

const USAGE = `Usage: npm run status -- [options]

  --stack NAME             the stack (default: the one that pulumi has selected)
  --config-file FILE       its settings (default: Pulumi.<stack>.yaml)
  --json                   as JSON
  --html FILE              as a page with a picture for each pool, besides the text: one file, which loads nothing

Shows per pool: what an up would do now; images with age, the machines made from each, and whether these prove it; nodes with the image
that each was made from, its last reboot, and whether it is a candidate or why not. proven: a machine has been Ready for
minimumReadyTime. failed: one has not become Ready within newNodeTimeout, and none has. unproven: neither. rejected and
trusted: by the configuration. * marks what new machines start from.

It exits with 0, with 2 when a line begins with ! (somebody should look), with 1 on an error. It changes nothing.`;

const EXIT = { fine: 0, error: 1, attention: 2 } as const;

// Colours on a terminal alone, and not where NO_COLOR is set: styleText looks at both.
const COLOURS = {
    attention: (text: string) => styleText("yellow", text),
    heading: (text: string) => styleText("bold", text),
};

async function main(args: string[], stop: AbortSignal): Promise<number> {
    const { help, json, html, ...options } = readOptions(args);
    if (help) {
        console.log(USAGE);
        return EXIT.fine;
    }
    const { stack, pools, now } = await withTokenFile(process.env, (place) => readStatus(options, { ...place, stop }));
    if (html !== undefined) {
        // What draws is loaded only where it is asked for.
        const { page } = await import("./html/page.js");
        await writeWhole(html, page({ stack, pools, now }), "--html");
    }
    console.log(safeToPrint(json ? JSON.stringify(pools, null, 2) : render(pools, now, COLOURS)));
    return pools.some(({ attention }) => attention.length > 0) ? EXIT.attention : EXIT.fine;
}

interface StatusOptions {
    stack?: string;
    "config-file"?: string;
}

async function readStatus(
    options: StatusOptions,
    context: RunContext,
): Promise<{ stack: string; pools: PoolStatus[]; now: Date }> {
    const stack = options.stack ?? (await selectedStack(context));
    const [config, resources] = await Promise.all([
        configuration(stack, options["config-file"], context),
        stateOf(stack, context),
    ]);
    const states = poolsIn(resources);
    if (!states) {
        throw new UserError(`stack ${stack} has no pools yet: npm run up takes them into it`);
    }
    configureAzure((name) => config[`azure-native:${name}`]);
    const { pools, capi: management, ...settings } = settingsIn(config);
    const cluster = await readCluster(await kubernetes(settings));
    const { workloadCluster } = settings;
    const now = new Date();
    const read = [...states].map(([name, state]) => {
        const configured = pools.find((pool) => pool.name === name);
        return readPool(name, state, configured, { cluster, management, workloadCluster }, now);
    });
    const all = withCanaries(await Promise.all(read), now);
    const statuses = all.map((facts) => statusOf(facts, now, (facts.settings ?? pools[0]).selection));
    return { stack, pools: statuses, now };
}

const FLAGS = {
    stack: { type: "string", short: "s" },
    "config-file": { type: "string" },
    json: { type: "boolean" },
    html: { type: "string" },
    help: { type: "boolean", short: "h" },
} as const;

function readOptions(args: string[]) {
    const { values } = readCommandLine({ args, options: FLAGS });
    if (values.html === "") {
        throw new UserError("--html takes the name of a file; see --help");
    }
    return values;
}

outliveReaders();
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
main(process.argv.slice(2), stop.signal).then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
        console.error(oneLine(error));
        process.exit(EXIT.error);
    },
);
