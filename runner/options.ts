// Reads the command line and the environment of `npm run preview` and `npm run up`. Pure.
import { packagesFolder } from "../components/capture/packagesFolder";
import { UserError } from "../components/core/errors";
import { readCommandLine } from "./commandLine";

/** The exit codes; the usage text explains them. */
export const EXIT = { nothing: 0, error: 1, changes: 2 } as const;

/** What a run is to do. */
export interface Options {
    /** `preview` changes nothing; `up` previews to a plan file and then does what the plan says. */
    mode: "preview" | "up";
    /** The stack; by default the one that Pulumi has selected. */
    stack?: string;
    /** The stack's settings; by default Pulumi.<stack>.yaml. */
    configFile?: string;
    /** `up` obeys this reviewed plan and makes none itself. */
    plan?: string;
    /** Where `preview` keeps its plan. */
    savePlan?: string;
    /** Whether `up` does only what needs no review, and leaves all else as it is. */
    upkeep?: boolean;
    /** The pool to take a new image of now, even if no node was rebooted since the last one. */
    retake?: string;
    /** Whether `retake` goes on without a question. */
    yes?: boolean;
    /** A file for the report (Markdown), besides the screen. */
    report?: string;
    /** A folder for the packages of the images that an `up` makes. */
    packages?: string;
    /** Settings of the policy pack, a JSON file. */
    policyConfig?: string;
    /** A file for the run's metrics, which node_exporter's textfile collector reads. */
    metricsFile?: string;
    /** The URL of a Pushgateway for them. It may hold a password. */
    metricsPush?: string;
}

export const USAGE = `Usage: npm run preview|up -- [options]

  --stack NAME          the stack (default: the one that pulumi has selected)
  --config-file FILE    its settings (default: Pulumi.<stack>.yaml)
  --save-plan FILE      preview: keep the plan, for a later up to obey
  --plan FILE           up: obey this reviewed plan; stop if the cluster has changed since
  --upkeep              up: do only what needs no review: restore nodes that interrupted captures left out of service,
                        and protect an image in the state where nothing else is to change
  --retake POOL         take a new image of this pool now: after a rotation of certificates or secrets. Asks before it changes anything
  --yes                 do not ask
  --report FILE         write the report (Markdown) to this file as well
  --packages FOLDER     up: write the packages of each new image to this folder, as CycloneDX
  --policy-config FILE  settings of the policy pack in policies/
  --metrics-file FILE   write metrics of the run to this file, for node_exporter's textfile collector; it ends in .prom
  --metrics-push URL    push them to this Pushgateway

Traces of the run go where OTEL_EXPORTER_OTLP_ENDPOINT says, if it is set (docs/metrics.md).

preview exits with 0 when there is nothing to do, with 2 when there is a bump or any other change, with 1 on an error.
up exits with 0 when all is done, with 1 on an error.`;

/**
 * Reads the options. A flag wins over its environment variable: KAMINO_STACK, KAMINO_CONFIG_FILE, KAMINO_PLAN,
 * KAMINO_SAVE_PLAN, KAMINO_REPORT, KAMINO_PACKAGES, KAMINO_POLICY_CONFIG, KAMINO_METRICS_FILE, KAMINO_METRICS_PUSH.
 *
 * @param args without node's own, as in `process.argv.slice(2)`
 * @returns undefined for --help
 * @throws UserError in one line
 */
export function readOptions(args: string[], env: NodeJS.ProcessEnv): Options | undefined {
    const { values, positionals } = readCommandLine({ args, options: FLAGS, allowPositionals: true });
    if (values.help) {
        return undefined;
    }
    const [mode, ...rest] = positionals;
    if ((mode !== "preview" && mode !== "up") || rest.length > 0) {
        throw new UserError(`the runner takes one mode, preview or up, not "${positionals.join(" ")}"; see --help`);
    }
    const options: Options = {
        mode,
        stack: values.stack ?? given(env.KAMINO_STACK),
        configFile: values["config-file"] ?? given(env.KAMINO_CONFIG_FILE),
        plan: values.plan ?? given(env.KAMINO_PLAN),
        savePlan: values["save-plan"] ?? given(env.KAMINO_SAVE_PLAN),
        ...(values.upkeep && { upkeep: true }),
        ...(values.retake !== undefined && { retake: values.retake, yes: values.yes ?? false }),
        report: values.report ?? given(env.KAMINO_REPORT),
        packages: values.packages ?? packagesFolder(env),
        policyConfig: values["policy-config"] ?? given(env.KAMINO_POLICY_CONFIG),
        metricsFile: values["metrics-file"] ?? given(env.KAMINO_METRICS_FILE),
        metricsPush: values["metrics-push"] ?? given(env.KAMINO_METRICS_PUSH),
    };
    checkMetrics(options);
    if (mode === "preview" && values.plan) {
        throw new UserError("--plan is for up; a preview makes a plan, and keeps it with --save-plan FILE");
    }
    if (mode === "preview" && values.packages) {
        throw new UserError("--packages is for up; a preview makes no image");
    }
    if (mode === "up" && values["save-plan"]) {
        throw new UserError(
            "--save-plan is for preview; up makes its own plan, or obeys a reviewed one with --plan FILE",
        );
    }
    if (mode === "preview" && options.upkeep) {
        throw new UserError("--upkeep is for up; a preview changes nothing");
    }
    if (options.upkeep && options.plan) {
        throw new UserError("--upkeep makes its own plan; leave out --plan (and KAMINO_PLAN)");
    }
    if (options.upkeep && options.retake !== undefined) {
        throw new UserError("--upkeep takes no new image; leave out --retake");
    }
    if (options.retake !== undefined && options.plan) {
        throw new UserError("--retake makes its own plan; leave out --plan (and KAMINO_PLAN)");
    }
    return options;
}

function checkMetrics({ metricsFile, metricsPush }: Options): void {
    if (metricsFile !== undefined && !metricsFile.endsWith(".prom")) {
        throw new UserError(
            `--metrics-file must end in .prom, not "${metricsFile}": node_exporter's textfile collector reads no other file`,
        );
    }
    // The URL is not repeated: it may hold a password.
    const url = metricsPush !== undefined && URL.canParse(metricsPush) ? new URL(metricsPush) : undefined;
    if (metricsPush !== undefined && (!/^https?:$/.test(url?.protocol ?? "") || url?.search || url?.hash)) {
        throw new UserError(
            "--metrics-push (KAMINO_METRICS_PUSH) must be the URL of a Pushgateway, such as http://pushgateway:9091",
        );
    }
}

const FLAGS = {
    stack: { type: "string", short: "s" },
    "config-file": { type: "string" },
    plan: { type: "string" },
    "save-plan": { type: "string" },
    upkeep: { type: "boolean" },
    retake: { type: "string" },
    yes: { type: "boolean", short: "y" },
    report: { type: "string" },
    packages: { type: "string" },
    "policy-config": { type: "string" },
    "metrics-file": { type: "string" },
    "metrics-push": { type: "string" },
    help: { type: "boolean", short: "h" },
} as const;

// CI passes variables that are not set as empty text.
function given(value: string | undefined): string | undefined {
    return value === "" ? undefined : value;
}
