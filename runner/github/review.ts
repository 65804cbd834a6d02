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

/** Who makes a plan, and when it is asked about. */
export interface PlanFacts {
    /** A digest of the program. */
    program: string;
    now: Date;
}

/** What an issue says of its plan. */
interface Plan {
    /** The run that keeps it. */
    run: string;
    /** When it was made, and a digest of the program; earlier versions wrote neither. */
    made?: string;
    program?: string;
}

const DAY_MS = 24 * 60 * 60_000;
/** GitHub deletes the plan after 30 days (`retention-days` in run.yml). A review of one that old is worth nothing. */
const OLDEST_PLAN_MS = 25 * DAY_MS;

/**
 * Keeps the stack's one open issue: opens it when a change is pending, updates it each night, closes it when nothing is
 * pending.
 *
 * A reviewed issue keeps its text, plan included, while the changes stay the same. When they change, or the plan cannot
 * be carried out any more, the review is removed, and a comment says why. An issue that is not reviewed gets the newest
 * plan, because CI deletes old plans.
 */
export async function updateIssue(github: GitHub, report: string, facts: PlanFacts): Promise<void> {
    const { stack, hasChanges, fingerprint } = requireMarker(report);
    const earlier = await openIssue(github, stack);
    const text = `${report}\n${planMarker(github.run, facts)}\nPlan and log: ${github.runUrl}. To have the next scheduled run do exactly this, add the label \`${REVIEWED_LABEL}\`.\n`;
    const title = /^## (.*)$/m.exec(report)?.[1] ?? `${stack}: a bump is pending`;
    if (!hasChanges) {
        await (earlier &&
            call(github, "PATCH", `issues/${earlier.number}`, { state: "closed", state_reason: "completed" }));
        return;
    }
    if (!earlier) {
        await call(github, "POST", "issues", { title, body: text, labels: [PENDING_LABEL] });
        return;
    }
    const isSame = markerIn(earlier.body ?? "")?.fingerprint === fingerprint;
    const why = isSame ? outdated(planIn(earlier.body ?? ""), facts) : "its changes are others now";
    if (!isReviewed(earlier) || why !== undefined) {
        const labels = earlier.labels.map(({ name }) => name).filter((name) => name !== REVIEWED_LABEL);
        await call(github, "PATCH", `issues/${earlier.number}`, { title, body: text, labels });
        if (isReviewed(earlier)) {
            const body = `The plan that was reviewed is replaced, and not carried out: ${why}. Review it again, and add the label \`${REVIEWED_LABEL}\`.`;
            await call(github, "POST", `issues/${earlier.number}/comments`, { body });
        }
    }
}

/** What the next `up` of a stack may do. */
export interface Review {
    /** The run whose plan a person has reviewed. */
    run?: string;
    /** Whether a change is pending. */
    pending: boolean;
    /** Why a plan that was reviewed is not carried out. */
    outdated?: string;
}

/** Reads the stack's open issue: its plan counts where a person has reviewed it, and it can be carried out still. */
export async function reviewOf(github: GitHub, stack: string, facts: PlanFacts): Promise<Review> {
    const issue = await openIssue(github, stack);
    if (!issue || !isReviewed(issue)) {
        return { pending: issue !== undefined };
    }
    const plan = planIn(issue.body ?? "");
    const why = outdated(plan, facts);
    return { pending: true, ...(why === undefined ? { run: plan?.run } : { outdated: why }) };
}

/** Why the engine would refuse a plan, or GitHub not have it any more; undefined where neither is so. */
function outdated(plan: Plan | undefined, { program, now }: PlanFacts): string | undefined {
    if (plan?.program !== program) {
        return "another version of the program made it";
    }
    const age = now.getTime() - Date.parse(plan.made ?? "");
    return age <= OLDEST_PLAN_MS ? undefined : `it is more than ${OLDEST_PLAN_MS / DAY_MS} days old`;
}

/** The plan that an issue has: the last one that it names, because text from the cluster stands before that. */
function planIn(body: string): Plan | undefined {
    const marker = /^<!-- kamino-plan: (\d+)(?: made (\S+) by (\w+))? -->$/gm;
    const [, run, made, program] = [...body.matchAll(marker)].at(-1) ?? [];
    return run === undefined ? undefined : { run, made, program };
}

function isReviewed({ labels }: Issue): boolean {
    return labels.some(({ name }) => name === REVIEWED_LABEL);
}

function planMarker(run: string, { program, now }: PlanFacts): string {
    return `<!-- kamino-plan: ${run} made ${now.toISOString()} by ${program} -->`;
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
