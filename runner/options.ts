// What `npm run preview` and `npm run up` take on the command line and from the environment. Pure.
import { parseArgs } from "node:util";
import { UserError } from "../components/core/errors";

/** How the runner exits; also told in its usage text. */
export const EXIT = { nothing: 0, error: 1, waits: 2 } as const;

/** What a run is to do. */
export interface Options {
    /** `preview` changes nothing; `up` previews to a plan file and then does what the plan says. */
    mode: "preview" | "up";
    /** The stack; Pulumi's selected one where left out. */
    stack?: string;
    /** The stack's settings; Pulumi.<stack>.yaml where left out. */
    configFile?: string;
    /** `up` obeys this plan, which somebody has reviewed, in place of one of its own. */
    plan?: string;
    /** Where `preview` keeps its plan. */
    savePlan?: string;
    /** Where the report goes besides the screen: Markdown. */
    report?: string;
    /** Settings of the policy pack, a JSON file. */
    policyConfig?: string;
}

export const USAGE = `Usage: npm run preview|up -- [options]

  --stack NAME          the stack (default: the one that pulumi has selected)
  --config-file FILE    its settings (default: Pulumi.<stack>.yaml)
  --save-plan FILE      preview: keep the plan, for a later up to obey
  --plan FILE           up: obey this reviewed plan; if the cluster has moved on since, nothing is changed
  --report FILE         write the report (Markdown) to this file as well
  --policy-config FILE  settings of the policy pack in policies/

preview exits with 0 when nothing is to be done, with 2 when a bump (or any other change) waits, with 1 on an error.
up exits with 0 when all is done, with 1 on an error.`;

/**
 * Reads the command line; what it leaves out may come from KAMINO_STACK, KAMINO_CONFIG_FILE, KAMINO_PLAN, KAMINO_SAVE_PLAN,
 * KAMINO_REPORT and KAMINO_POLICY_CONFIG, which suits CI.
 *
 * @param args without node's own, as in `process.argv.slice(2)`
 * @returns undefined when the usage was asked for
 * @throws UserError in one line
 */
export function readOptions(args: string[], env: NodeJS.ProcessEnv): Options | undefined {
    const { values, positionals } = parse(args);
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
        report: values.report ?? given(env.KAMINO_REPORT),
        policyConfig: values["policy-config"] ?? given(env.KAMINO_POLICY_CONFIG),
    };
    if (mode === "preview" && values.plan) {
        throw new UserError("--plan is for up: a preview makes a plan, and keeps it with --save-plan FILE");
    }
    if (mode === "up" && values["save-plan"]) {
        throw new UserError(
            "--save-plan is for preview: up makes its own plan, or obeys a reviewed one with --plan FILE",
        );
    }
    return options;
}

const FLAGS = {
    stack: { type: "string", short: "s" },
    "config-file": { type: "string" },
    plan: { type: "string" },
    "save-plan": { type: "string" },
    report: { type: "string" },
    "policy-config": { type: "string" },
    help: { type: "boolean", short: "h" },
} as const;

function parse(args: string[]) {
    try {
        return parseArgs({ args, options: FLAGS, allowPositionals: true });
    } catch (error) {
        throw new UserError(`${(error as Error).message.split(". ")[0]}; see --help`);
    }
}

// CI passes what is not set as empty text.
function given(value: string | undefined): string | undefined {
    return value === "" ? undefined : value;
}
