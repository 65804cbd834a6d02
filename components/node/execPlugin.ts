// Runs the credential plugin of a kubeconfig's user (`exec`), such as kubelogin: for a bounded time, its prompt shown,
// nothing left behind.
import { spawn } from "node:child_process";
import type { RequestOptions } from "node:https";
import type { User } from "@kubernetes/client-node";
import { elapsed } from "../core/duration";
import { UserError } from "../core/errors";
import { info } from "../engine/progress";

/** The name under which this program's own way to run a plugin stands in a kubeconfig that it has read. */
export const EXEC_PLUGIN = "kamino-exec-plugin";

/** `exec` of a user: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#configuration */
interface Plugin {
    apiVersion?: string;
    command: string;
    args?: string[] | null;
    env?: { name: string; value: string }[] | null;
    installHint?: string;
    interactiveMode?: string;
}

/** What a plugin answers. */
interface Credential {
    status?: {
        token?: string;
        clientCertificateData?: string;
        clientKeyData?: string;
        expirationTimestamp?: string;
    };
}

const LIMIT_MS = 60_000;

/** How long a credential is used that does not say when it expires. */
const WITHOUT_EXPIRY_MS = 5 * 60_000;

/** A token that is about to expire would do so on its way. */
const MARGIN_MS = 30_000;

/**
 * Signs in by the credential plugin of a kubeconfig's user. One run of the plugin serves all requests until its
 * credential expires.
 */
export class ExecPlugin {
    private readonly credentials = new Map<string, { until: number; credential: Promise<Credential> }>();

    isAuthProvider(user: User): boolean {
        return (user?.authProvider as { name?: string } | undefined)?.name === EXEC_PLUGIN;
    }

    /** @throws UserError in one line when the plugin is missing, fails, or waits for a person for too long */
    async applyAuthentication(user: User, options: RequestOptions): Promise<void> {
        const { token, clientCertificateData, clientKeyData } = (await this.credentialOf(user)).status ?? {};
        if (clientCertificateData && clientKeyData) {
            options.cert = clientCertificateData;
            options.key = clientKeyData;
        }
        if (token) {
            options.headers = { ...(options.headers as Record<string, string>), Authorization: `Bearer ${token}` };
        }
    }

    private async credentialOf(user: User): Promise<Credential> {
        const known = this.credentials.get(user.name);
        if (known && known.until > Date.now()) {
            return known.credential;
        }
        const { plugin } = (user.authProvider as { config: { plugin: Plugin } }).config;
        const entry = { until: Date.now() + LIMIT_MS, credential: runPlugin(plugin, user.name) };
        this.credentials.set(user.name, entry);
        try {
            const credential = await entry.credential;
            const expires = Date.parse(credential.status?.expirationTimestamp ?? "") - MARGIN_MS;
            entry.until = Number.isNaN(expires) ? Date.now() + WITHOUT_EXPIRY_MS : expires;
            return credential;
        } catch (error) {
            this.credentials.delete(user.name);
            throw error;
        }
    }
}

/**
 * Runs a plugin once.
 *
 * @param limit longest time that it may take, in milliseconds
 * @throws UserError in one line
 */
export async function runPlugin(plugin: Plugin, user: string, limit = LIMIT_MS): Promise<Credential> {
    const what = `the credential plugin "${plugin.command}" of the kubeconfig's user "${user}"`;
    if (plugin.interactiveMode === "Always") {
        throw new UserError(
            `${what} needs a person at a terminal (interactiveMode: Always); use a way to sign in without one`,
        );
    }
    const { code, stdout, stderr } = await run(plugin, limit, (line) => void info(`${what} says: ${line}`));
    const said = stderr.trim() && `; it said: ${stderr.trim()}`;
    switch (code) {
        case 0:
            return parse(stdout, what);
        case "ENOENT":
            throw new UserError(
                `${what} is not installed${plugin.installHint ? `: ${plugin.installHint}` : "; install it, or check PATH"}`,
            );
        case "late":
            throw new UserError(
                `${what} did not answer within ${elapsed(limit)}, so that it may wait for a person${said}; sign in before the run, ` +
                    "or use a way to sign in without a person",
            );
        default:
            throw new UserError(`${what} failed (${code})${said || "; it said nothing"}`);
    }
}

interface Ended {
    code: number | string;
    stdout: string;
    stderr: string;
}

function run(plugin: Plugin, limit: number, say: (line: string) => void): Promise<Ended> {
    // As kubectl tells a plugin what it may do: nobody is there to answer.
    const request = { apiVersion: plugin.apiVersion, kind: "ExecCredential", spec: { interactive: false } };
    const own = Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value]));
    const env = { ...process.env, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(request) };
    return new Promise((resolve) => {
        // A process group for it and what it starts, so that all of it can be ended.
        const child = spawn(plugin.command, plugin.args ?? [], {
            env,
            stdio: ["ignore", "pipe", "pipe"],
            detached: true,
        });
        const kill = () => {
            try {
                process.kill(-child.pid!, "SIGKILL");
            } catch {
                // It has ended.
            }
        };
        let [stdout, stderr] = ["", ""];
        const end = (code: number | string) => {
            clearTimeout(timer);
            process.off("exit", kill);
            if (child.pid !== undefined) {
                kill();
            }
            resolve({ code, stdout, stderr });
        };
        const timer = setTimeout(() => end("late"), limit);
        process.once("exit", kill);
        child.stdout.setEncoding("utf8").on("data", (data: string) => (stdout += data));
        child.stderr.setEncoding("utf8").on("data", (data: string) => {
            stderr += data;
            data.split("\n")
                .filter((line) => line.trim())
                .forEach(say);
        });
        child.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
        child.on("close", (code, signal) => end(code ?? signal ?? "killed"));
    });
}

function parse(stdout: string, what: string): Credential {
    let credential: Credential | null = null;
    try {
        credential = JSON.parse(stdout) as Credential | null;
    } catch {
        // Not shown: it may hold a token.
    }
    const { token, clientCertificateData, clientKeyData } = credential?.status ?? {};
    if (!credential || (!token && !(clientCertificateData && clientKeyData))) {
        throw new UserError(`${what} gave no ExecCredential with a token or a client certificate`);
    }
    return credential;
}
