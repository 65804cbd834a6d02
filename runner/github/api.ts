// GitHub's API for one repository, with the token of the job that runs.
import { UserError, asUserError, statusOf } from "../../components/core/errors";
import { withRetries } from "../../components/core/retry";

/** Repository, token and address of the API, from GitHub Actions. */
export interface GitHub {
    api: string;
    repository: string;
    token: string;
    /** Id of the workflow run. */
    run: string;
    runUrl: string;
}

/**
 * Reads them from the environment of a job.
 *
 * @throws UserError outside of GitHub Actions
 */
export function gitHubFrom(env: NodeJS.ProcessEnv): GitHub {
    const { GITHUB_TOKEN: token, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run = "0" } = env;
    if (!token || !repository) {
        throw new UserError("GITHUB_TOKEN and GITHUB_REPOSITORY are not set: this command is for GitHub Actions");
    }
    const runUrl = `${env.GITHUB_SERVER_URL ?? "https://github.com"}/${repository}/actions/runs/${run}`;
    return { api: env.GITHUB_API_URL ?? "https://api.github.com", repository, token, run, runUrl };
}

/**
 * Sends one request and returns the answer's JSON. Where GitHub is away for a moment it is sent again; not so one that
 * adds something, which may be there though the answer says otherwise.
 *
 * @param path below the repository, as in `issues/7`
 * @throws UserError with GitHub's status and message
 */
export async function call(github: GitHub, method: string, path: string, body?: object): Promise<unknown> {
    const attempt = () => send(github, method, path, body);
    try {
        return await (method === "POST" ? attempt() : withRetries(attempt));
    } catch (error) {
        throw asUserError(error, (reason) =>
            statusOf(error) === undefined ? `GitHub cannot be reached: ${reason}` : reason,
        );
    }
}

async function send({ api, repository, token }: GitHub, method: string, path: string, body?: object): Promise<unknown> {
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
        const message = `GitHub answered ${response.status} to ${method} ${path}: ${answer.message ?? ""}`;
        throw Object.assign(new Error(message), { statusCode: response.status });
    }
    return answer;
}

/** Most items that GitHub returns in one page. */
const PAGE = 100;

/** Lists all items, page by page. */
export async function listAll<T>(github: GitHub, path: string): Promise<T[]> {
    const items: T[] = [];
    for (let page = 1; ; page++) {
        const query = `${path.includes("?") ? "&" : "?"}per_page=${PAGE}&page=${page}`;
        const more = (await call(github, "GET", `${path}${query}`)) as T[];
        items.push(...more);
        if (more.length < PAGE) {
            return items;
        }
    }
}
