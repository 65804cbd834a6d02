// Behind `npm run status`: how a stack's pools stand. Reads the stack's outputs, Azure and the cluster, and changes
// nothing.
import { parseArgs } from "node:util";
import { configureAzure } from "../../components/azure/settings";
import { settingsIn } from "../../components/config/load";
import { oneLine, UserError } from "../../components/core/errors";
import { listWholeNodes } from "../../components/node/nodeList";
import { kubernetes } from "../../components/node/kubernetes";
import { configuration, outputPools, selectedStack, type RunContext } from "../pulumi";
import { readPool, type PoolOutput } from "./read";
import { render, statusOf, type PoolStatus } from "./show";

const USAGE = `Usage: npm run status -- [options]

  --stack NAME             the stack (default: the one that pulumi has selected)
  --config-file FILE       its settings (default: Pulumi.<stack>.yaml)
  --json                   as JSON

Shows per pool: images with age, the machines made from each, and whether these prove it. proven: one of them has been Ready for
minimumReadyTime. failed: one has not become Ready within newNodeTimeout, and none has. unproven: neither. rejected and
trusted: by the configuration. * marks what new machines start from.

It exits with 0, with 2 when a line begins with ! (somebody should look), with 1 on an error. It changes nothing.`;

const EXIT = { fine: 0, error: 1, attention: 2 } as const;

async function main(args: string[], stop: AbortSignal): Promise<number> {
    const { help, json, ...options } = readOptions(args);
    if (help) {
        console.log(USAGE);
        return EXIT.fine;
    }
    const pools = await readStatus(options, { scratch: "", env: process.env, stop });
    console.log(json ? JSON.stringify(pools, null, 2) : render(pools));
    return pools.some(({ attention }) => attention.length > 0) ? EXIT.attention : EXIT.fine;
}

interface StatusOptions {
    stack?: string;
    "config-file"?: string;
}

async function readStatus(options: StatusOptions, context: RunContext): Promise<PoolStatus[]> {
    const stack = options.stack ?? (await selectedStack(context));
    const [config, outputs] = await Promise.all([
        configuration(stack, options["config-file"], context),
        outputPools<PoolOutput>(stack, context),
    ]);
    if (!outputs) {
        throw new UserError(`stack ${stack} has no pools yet: npm run up takes them into it`);
    }
    configureAzure((name) => config[`azure-native:${name}`]);
    const { pools, ...settings } = settingsIn(config);
    const nodes = await listWholeNodes(kubernetes(settings));
    const now = new Date();
    const statuses = Object.entries(outputs).map(async ([name, output]) => {
        const { selection } = pools.find((pool) => pool.name === name) ?? pools[0];
        return statusOf(await readPool(name, output, nodes, now), now, selection);
    });
    return await Promise.all(statuses);
}

function readOptions(args: string[]) {
    try {
        const { values } = parseArgs({
            args,
            options: {
                stack: { type: "string", short: "s" },
                "config-file": { type: "string" },
                json: { type: "boolean" },
                help: { type: "boolean", short: "h" },
            },
        });
        return values;
    } catch (error) {
        throw new UserError(`${(error as Error).message.split(". ")[0]}; see --help`);
    }
}

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
main(process.argv.slice(2), stop.signal).then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
        console.error(oneLine(error));
        process.exit(EXIT.error);
    },
);
