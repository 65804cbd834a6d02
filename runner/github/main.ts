// Behind `npm run github`, which the workflows call: publishes a report, or names the run whose plan was reviewed.
import { readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { oneLine, UserError } from "../../components/core/errors";
import { PROJECT } from "../../components/core/project";
import { readCommandLine } from "../commandLine";
import { gitHubFrom } from "./api";
import { programDigest } from "./program";
import { commentOnPullRequest, reviewOf, updateIssue, type Review } from "./review";

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
        await updateIssue(github, readFileSync(values.report, "utf8"), planFacts());
    } else if (command === "reviewed" && values.stack) {
        const review = await reviewOf(github, values.stack, planFacts());
        console.log(describeReview(review));
        const outputs = `run=${review.run ?? ""}\npending=${review.pending}\n`;
        await (env.GITHUB_OUTPUT && appendFile(env.GITHUB_OUTPUT, outputs));
    } else {
        throw new UserError(USAGE);
    }
}

function planFacts() {
    return { program: programDigest(PROJECT), now: new Date() };
}

function describeReview({ run, outdated }: Review): string {
    if (outdated !== undefined) {
        return `No plan is reviewed any more: the one that was is outdated (${outdated}). The next nightly preview replaces it.`;
    }
    return run === undefined ? "No plan is reviewed." : `The plan of run ${run} is reviewed.`;
}

main(process.argv.slice(2), process.env).catch((error: unknown) => {
    console.error(oneLine(error));
    process.exitCode = 1;
});
