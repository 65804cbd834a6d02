// Tells GitHub of a report: one comment on a pull request, one issue for a bump that waits, each updated, never a second one.
import { readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { oneLine, UserError } from "../components/core/errors";
import { markerIn, type Marker } from "./report";

/** Issues of bumps that wait. */
const WAITING = "kamino-bump";
/** Put on such an issue by a person: what it shows may be done. */
const REVIEWED = "kamino-reviewed";

/** Repository, token and where the API is, as GitHub Actions says them. */
interface GitHub {
    api: string;
    repository: string;
    token: string;
    run: string;
    runUrl: string;
}

interface Issue {
    number: number;
    body?: string | null;
    labels: { name: string }[];
    pull_request?: unknown;
}

/** The report as a comment on the pull request, in place of the one that the run before left there. */
export async function comment(github: GitHub, report: string, pullRequest: number): Promise<void> {
    const { stack } = needed(report);
    const comments = await all<{ id: number; body: string }>(github, `issues/${pullRequest}/comments`);
    const earlier = comments.find(({ body }) => markerIn(body)?.stack === stack);
    await (earlier
        ? call(github, "PATCH", `issues/comments/${earlier.id}`, { body: report })
        : call(github, "POST", `issues/${pullRequest}/comments`, { body: report }));
}

/**
 * The report as the stack's one open issue: made when a bump waits, updated each night, closed when nothing waits any more.
 *
 * What was reviewed stays as it is, plan included, while the changes stay the same; when they change the review is gone. What was not
 * reviewed yet gets the newest plan, since CI keeps no plan for ever.
 */
export async function issue(github: GitHub, report: string): Promise<void> {
    const { stack, waits, fingerprint } = needed(report);
    const earlier = await openIssue(github, stack);
    const text = `${report}\n${planMarker(github.run)}\nPlan and log: ${github.runUrl}. To have the next scheduled run do exactly this, add the label \`${REVIEWED}\`.\n`;
    const title = /^## (.*)$/m.exec(report)?.[1] ?? `${stack}: a bump waits`;
    if (!waits) {
        await (earlier &&
            call(github, "PATCH", `issues/${earlier.number}`, { state: "closed", state_reason: "completed" }));
    } else if (!earlier) {
        await call(github, "POST", "issues", { title, body: text, labels: [WAITING] });
    } else if (!isReviewed(earlier) || markerIn(earlier.body ?? "")?.fingerprint !== fingerprint) {
        const labels = earlier.labels.map(({ name }) => name).filter((name) => name !== REVIEWED);
        await call(github, "PATCH", `issues/${earlier.number}`, { title, body: text, labels });
    }
}

/** The run whose plan for this stack a person has reviewed; undefined when there is none. */
export async function reviewedRun(github: GitHub, stack: string): Promise<string | undefined> {
    const found = await openIssue(github, stack);
    return found && isReviewed(found) ? /<!-- kamino-plan: (\d+) -->/.exec(found.body ?? "")?.[1] : undefined;
}

function isReviewed({ labels }: Issue): boolean {
    return labels.some(({ name }) => name === REVIEWED);
}

function planMarker(run: string): string {
    return `<!-- kamino-plan: ${run} -->`;
}

async function openIssue(github: GitHub, stack: string): Promise<Issue | undefined> {
    const issues = await all<Issue>(github, `issues?state=open&labels=${WAITING}`);
    return issues.find(({ body, pull_request }) => !pull_request && markerIn(body ?? "")?.stack === stack);
}

function needed(report: string): Marker {
    const marker = markerIn(report);
    if (!marker) {
        throw new UserError("the report has no marker; make it with npm run preview -- --report FILE");
    }
    return marker;
}

async function all<T>(github: GitHub, path: string): Promise<T[]> {
    const items: T[] = [];
    for (let page = 1; ; page++) {
        const more = (await call(
            github,
            "GET",
            `${path}${path.includes("?") ? "&" : "?"}per_page=100&page=${page}`,
        )) as T[];
        items.push(...more);
        if (more.length < 100) {
            return items;
        }
    }
}

async function call({ api, repository, token }: GitHub, method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${api}/repos/${repository}/${path}`, {
        method,
        headers: {
            Authorization: `Bearer ${token}`,
            Accept: "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
    });
    const answer = (await response.json().catch(() => ({}))) as { message?: string };
    if (!response.ok) {
        throw new UserError(`GitHub answered ${response.status} to ${method} ${path}: ${answer.message ?? ""}`);
    }
    return answer;
}

/** As GitHub Actions says it. */
export function gitHubFrom(env: NodeJS.ProcessEnv): GitHub {
    const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run = "0" } = env;
    if (!token || !repository) {
        throw new UserError("GITHUB_TOKEN and GITHUB_REPOSITORY are not set: this is for GitHub Actions");
    }
    const runUrl = `${env.GITHUB_SERVER_URL ?? "https://github.com"}/${repository}/actions/runs/${run}`;
    return { api: env.GITHUB_API_URL ?? "https://api.github.com", repository, token, run, runUrl };
}

async function main(): Promise<void> {
    const { values, positionals } = parseArgs({
        options: { report: { type: "string" }, stack: { type: "string" }, "pull-request": { type: "string" } },
        allowPositionals: true,
    });
    const [command] = positionals;
    const github = gitHubFrom(process.env);
    if (command === "comment" && values.report) {
        await comment(github, readFileSync(values.report, "utf8"), Number(values["pull-request"]));
    } else if (command === "issue" && values.report) {
        await issue(github, readFileSync(values.report, "utf8"));
    } else if (command === "reviewed" && values.stack) {
        const run = await reviewedRun(github, values.stack);
        console.log(run ? `The plan of run ${run} is reviewed.` : "No plan is reviewed.");
        await (process.env.GITHUB_OUTPUT && appendFile(process.env.GITHUB_OUTPUT, `run=${run ?? ""}\n`));
    } else {
        throw new UserError(
            "use: comment --report FILE --pull-request N | issue --report FILE | reviewed --stack NAME",
        );
    }
}

if (require.main === module) {
    main().catch((error: unknown) => {
        console.error(oneLine(error));
        process.exit(1);
    });
}
