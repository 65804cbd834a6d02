// Behind `npm run github`, which the workflows call: publishes a report, or names the run whose plan was reviewed.
import { readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { oneLine, UserError } from "../../components/core/errors";
import { readCommandLine } from "../commandLine";
import { gitHubFrom } from "./api";
import { commentOnPullRequest, reviewedRun, updateIssue } from "./review";

const USAGE = "use: comment --report FILE --pull-request N | issue --report FILE | reviewed --stack NAME";

const FLAGS = {
    report: { type: "string" },
    stack: { type: "string" },
    "pull-request": { type: "string" },
} as const;

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
    const { values, positionals } = readCommandLine({ args, options: FLAGS, allowPositionals: true }, USAGE);
    const [command] = positionals;
    const github = gitHubFrom(env);
    if (command === "comment" && values.report) {
        await commentOnPullRequest(github, readFileSync(values.report, "utf8"), Number(values["pull-request"]));
    } else if (command === "issue" && values.report) {
        await updateIssue(github, readFileSync(values.report, "utf8"));
    } else if (command === "reviewed" && values.stack) {
        const run = await reviewedRun(github, values.stack);
        console.log(run ? `The plan of run ${run} is reviewed.` : "No plan is reviewed.");
        await (env.GITHUB_OUTPUT && appendFile(env.GITHUB_OUTPUT, `run=${run ?? ""}\n`));
    } else {
        throw new UserError(USAGE);
    }
}

main(process.argv.slice(2), process.env).catch((error: unknown) => {
    console.error(oneLine(error));
    process.exitCode = 1;
});
