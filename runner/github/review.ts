// Publishes a report on GitHub: one comment on a pull request, one issue for a pending bump. Each is updated, never
// repeated.
import { UserError } from "../../components/core/errors";
import { markerIn, type Marker } from "../report";
import { call, listAll, type GitHub } from "./api";

/** Label of an issue for a pending bump. */
const PENDING_LABEL = "kamino-bump";
/** Label that a person adds to such an issue: the next `up` may do what it shows. */
const REVIEWED_LABEL = "kamino-reviewed";

interface Issue {
    number: number;
    body?: string | null;
    labels: { name: string }[];
    pull_request?: unknown;
}

/** Comments on the pull request, or updates the comment of an earlier run of the same stack. */
export async function commentOnPullRequest(github: GitHub, report: string, pullRequest: number): Promise<void> {
    const { stack } = requireMarker(report);
    const comments = await listAll<{ id: number; body: string }>(github, `issues/${pullRequest}/comments`);
    const earlier = comments.find(({ body }) => markerIn(body)?.stack === stack);
    await (earlier
        ? call(github, "PATCH", `issues/comments/${earlier.id}`, { body: report })
        : call(github, "POST", `issues/${pullRequest}/comments`, { body: report }));
}

/**
 * Keeps the stack's one open issue: opens it when a change is pending, updates it each night, closes it when nothing is
 * pending.
 *
 * A reviewed issue keeps its text, plan included, while the changes stay the same. When they change, the review is
 * removed. An issue that is not reviewed gets the newest plan, because CI deletes old plans.
 */
export async function updateIssue(github: GitHub, report: string): Promise<void> {
    const { stack, hasChanges, fingerprint } = requireMarker(report);
    const earlier = await openIssue(github, stack);
    const text = `${report}\n${planMarker(github.run)}\nPlan and log: ${github.runUrl}. To have the next scheduled run do exactly this, add the label \`${REVIEWED_LABEL}\`.\n`;
    const title = /^## (.*)$/m.exec(report)?.[1] ?? `${stack}: a bump is pending`;
    if (!hasChanges) {
        await (earlier &&
            call(github, "PATCH", `issues/${earlier.number}`, { state: "closed", state_reason: "completed" }));
    } else if (!earlier) {
        await call(github, "POST", "issues", { title, body: text, labels: [PENDING_LABEL] });
    } else if (!isReviewed(earlier) || markerIn(earlier.body ?? "")?.fingerprint !== fingerprint) {
        const labels = earlier.labels.map(({ name }) => name).filter((name) => name !== REVIEWED_LABEL);
        await call(github, "PATCH", `issues/${earlier.number}`, { title, body: text, labels });
    }
}

/** Returns the id of the run whose plan for this stack a person has reviewed; undefined when there is none. */
export async function reviewedRun(github: GitHub, stack: string): Promise<string | undefined> {
    const issue = await openIssue(github, stack);
    return issue && isReviewed(issue) ? planIn(issue.body ?? "") : undefined;
}

/** The run whose plan an issue has: the last one that it names, because text from the cluster stands before that. */
function planIn(body: string): string | undefined {
    return [...body.matchAll(/^<!-- kamino-plan: (\d+) -->$/gm)].at(-1)?.[1];
}

function isReviewed({ labels }: Issue): boolean {
    return labels.some(({ name }) => name === REVIEWED_LABEL);
}

function planMarker(run: string): string {
    return `<!-- kamino-plan: ${run} -->`;
}

async function openIssue(github: GitHub, stack: string): Promise<Issue | undefined> {
    const issues = await listAll<Issue>(github, `issues?state=open&labels=${PENDING_LABEL}`);
    return issues.find(({ body, pull_request }) => !pull_request && markerIn(body ?? "")?.stack === stack);
}

function requireMarker(report: string): Marker {
    const marker = markerIn(report);
    if (!marker) {
        throw new UserError("the report has no marker; make it with npm run preview -- --report FILE");
    }
    return marker;
}
