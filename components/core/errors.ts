// Errors as people read them: one line that says what is wrong, where, and what to do. Never a stack trace, never
// headers. The module alone: the whole SDK takes a second to load, which the runner does not need.
import { RunError } from "@pulumi/pulumi/errors";
import { safeToPrint, truncate } from "./text";

/**
 * An error that a user can cause or mend. Its message is one line: what is wrong, where (config key or Azure name),
 * what to do.
 *
 * The engine prints the message of a `RunError` alone; the process of the dynamic resources prints the stack as well,
 * and so there is none.
 */
export class UserError extends RunError {
    constructor(message: string) {
        // Several things wrong at once are several lines.
        super(message.split("\n").map(tidy).join("\n"));
        this.name = "UserError";
        this.stack = "";
    }
}

/** What is looked at of an error; each library fills in some of it. */
interface Failure {
    name?: string;
    type?: unknown;
    message?: string;
    code?: unknown;
    statusCode?: number;
    body?: unknown;
    cause?: unknown;
    errors?: unknown[];
    request?: { url?: string };
}

/**
 * Any error in one line, without headers and stack: those of Azure's SDKs (`RestError`, credentials), of the Kubernetes
 * client (`ApiException`, `FetchError`), of the network, and all others. It says which service it was, and for a
 * refused request the action or verb that is missing (both services name it in their messages).
 */
export function oneLine(error: unknown): string {
    if (typeof error !== "object" || error === null) {
        return tidy(String(error));
    }
    const failure = error as Failure;
    const known = kubernetes(failure) ?? azure(failure);
    return error instanceof UserError ? error.message : tidy(known ?? reasonOf(failure));
}

/** The HTTP status that a service refused a request with, if the error is such a refusal. */
export function statusOf(error: unknown): number | undefined {
    const { statusCode, code } = (error ?? {}) as Failure;
    return typeof statusCode === "number" ? statusCode : typeof code === "number" ? code : undefined;
}

/** What a call answers; undefined when the service answers 404, since it has nothing of that name. */
export async function orUndefined<T>(call: Promise<T>): Promise<T | undefined> {
    try {
        return await call;
    } catch (error) {
        if (statusOf(error) === 404) {
            return undefined;
        }
        throw error;
    }
}

/** A UserError as it is; any other error as one whose message is made of it in one line. */
export function asUserError(error: unknown, messageOf: (reason: string) => string): UserError {
    return error instanceof UserError ? error : new UserError(messageOf(oneLine(error)));
}

/** Whether a request of the Kubernetes client was given up (node-fetch's AbortError): it may have been carried out. */
export function isUnanswered(error: unknown): boolean {
    const { name, type } = (error ?? {}) as Failure;
    return name === "AbortError" && type === "aborted";
}

function kubernetes(failure: Failure): string | undefined {
    // node-fetch, which the Kubernetes client alone uses: "request to URL failed, reason: REASON".
    const request = /^request to (\S+) failed, reason: ?(.*)$/s.exec(failure.message ?? "");
    if (request) {
        const reason = request[2] || text(failure.code) || "no reason given";
        return (
            `the Kubernetes API server at ${originOf(request[1])} cannot be reached: ${reason}` +
            "; check kamino:kubeconfig, kamino:context or KUBECONFIG, and the network"
        );
    }
    if (isUnanswered(failure)) {
        return "the Kubernetes API server took a request and did not answer it in time; check the network and the API server";
    }
    // ApiException: a number as code and a Status as body; its message holds the headers as well, and is not for
    // people.
    if (typeof failure.code === "number" && "body" in failure) {
        const said = statusMessage(failure.body) || "no reason given";
        return `the Kubernetes API server answered ${failure.code}: ${said}${adviceFor(failure.code)}`;
    }
    return undefined;
}

function adviceFor(status: number): string {
    switch (status) {
        case 401:
            return "; renew the credentials in the kubeconfig (kamino:kubeconfig, KUBECONFIG)";
        case 403:
            return "; grant this verb to the user (docs/permissions.md)";
        default:
            return "";
    }
}

function statusMessage(body: unknown): string {
    if (typeof body !== "string") {
        return text((body as { message?: unknown } | undefined)?.message);
    }
    try {
        return text((JSON.parse(body) as { message?: unknown } | null)?.message) || body;
    } catch {
        return body;
    }
}

const CREDENTIAL_ERRORS =
    /^(CredentialUnavailable|AggregateAuthentication|AuthenticationRequired|Authentication)Error$/;

function azure(failure: Failure): string | undefined {
    if (CREDENTIAL_ERRORS.test(failure.name ?? "")) {
        return (
            `no usable Azure credentials: ${reasonOf(failure)}; set ARM_CLIENT_ID, ARM_CLIENT_SECRET, ARM_TENANT_ID and ` +
            "ARM_SUBSCRIPTION_ID (or ARM_USE_OIDC, ARM_USE_MSI), or run az login"
        );
    }
    if (failure.name !== "RestError") {
        return undefined;
    }
    const where = failure.request?.url ? ` at ${originOf(failure.request.url)}` : "";
    if (failure.statusCode === undefined) {
        const settings = "check the network, ARM_ENVIRONMENT and ARM_METADATA_HOSTNAME";
        return `Azure Resource Manager${where} cannot be reached: ${reasonOf(failure)}; ${settings}`;
    }
    const code = text(failure.code);
    return `Azure Resource Manager${where} answered ${failure.statusCode}${code && ` ${code}`}: ${reasonOf(failure)}`;
}

/**
 * The innermost reason that says something: fetch says "fetch failed", and several addresses tried have no message at
 * all.
 */
function reasonOf(failure: Failure): string {
    const cause = failure.cause as Failure | undefined;
    if (cause?.message && (!failure.message || failure.message === "fetch failed")) {
        return reasonOf(cause);
    }
    const attempts = (failure.errors ?? []).map((one) => reasonOf(one as Failure));
    return failure.message || attempts.join(", ") || text(failure.code) || failure.name || "unknown error";
}

function originOf(url: string): string {
    return URL.canParse(url) ? new URL(url).origin : "an unknown address";
}

function text(value: unknown): string {
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

// An HTML page from a proxy, or a whole request, is of no use in a line.
const LONGEST = 700;

/**
 * One line of bounded length, without control characters, commands of CI services, bearer tokens, signed tokens and
 * signatures of storage URLs.
 */
function tidy(message: string): string {
    const line = message
        .replace(/\bBearer\s+[\w.~+/-]+=*/gi, "Bearer ***")
        .replace(/\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]*/g, "***")
        .replace(/\bsig=[^&\s"']+/gi, "sig=***")
        // eslint-disable-next-line no-control-regex
        .replace(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
        .trim();
    return truncate(safeToPrint(line), LONGEST);
}

/** What a refusal says of who asked and for which object, before it says which action or verb is missing. */
const ASIDES = [
    /The client '[^']*' with object id '[^']*' (has permission to perform action '[^']*' on scope '[^']*'; however, it )?/,
    / "[^"]*"(?= is forbidden: )|(?<= is forbidden: )User "[^"]*" /g,
];

/**
 * An error in one line of at most `longest` characters; one that is too long loses first what a reader can do without.
 */
export function brief(error: unknown, longest: number): string {
    const line = oneLine(error);
    if (line.length <= longest) {
        return line;
    }
    const short = ASIDES.reduce((text, aside) => text.replace(aside, ""), line);
    return truncate(short, longest);
}
