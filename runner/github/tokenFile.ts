// Keeps GitHub's identity token in a file: the state backend and the secrets provider read it there. A token lives for
// minutes, an image takes an hour. azure-native and the program request tokens from GitHub themselves.
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { oneLine } from "../../components/core/errors";
import { requestOidcToken } from "../../components/azure/oidc";

/** GitHub's tokens live for five minutes and more. */
const RENEW_MS = 4 * 60_000;

/** A token file, and how to stop renewing it. */
export interface TokenFile {
    /** Variables as Azure's SDK for Go (workload identity) reads them. */
    env: NodeJS.ProcessEnv;
    /** Ends when nothing writes to the file any more. */
    stop: () => Promise<void>;
}

/** A folder for one command alone, and the environment for its pulumi. */
export interface Place {
    scratch: string;
    env: NodeJS.ProcessEnv;
}

/** Does what calls pulumi, in a GitHub job with a token file for it. The folder is deleted after it. */
export async function withTokenFile<T>(env: NodeJS.ProcessEnv, work: (place: Place) => Promise<T>): Promise<T> {
    const scratch = await mkdtemp(join(tmpdir(), "kamino-"));
    let token: TokenFile | undefined;
    try {
        token = await keepTokenFile(env, scratch);
        return await work({ scratch, env: { ...env, ...token?.env } });
    } finally {
        await token?.stop();
        await rm(scratch, { recursive: true, force: true });
    }
}

/**
 * Writes a token file and renews it, in a GitHub job with `id-token: write` that signs in by ARM_USE_OIDC.
 *
 * @returns undefined outside of such a job, or when AZURE_FEDERATED_TOKEN_FILE is set already
 * @throws UserError when GitHub gives no token
 */
export async function keepTokenFile(
    env: NodeJS.ProcessEnv,
    scratch: string,
    renewMs = RENEW_MS,
): Promise<TokenFile | undefined> {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = env;
    if (!url || !bearer || env.ARM_USE_OIDC !== "true" || env.AZURE_FEDERATED_TOKEN_FILE) {
        return undefined;
    }
    const file = join(scratch, "azure-token");
    const write = async () => {
        // Renamed into place, so that nobody reads half a token.
        await writeFile(`${file}.new`, await requestOidcToken(url, bearer), { mode: 0o600 });
        await rename(`${file}.new`, file);
    };
    await write();
    // One renewal at a time: two would write the same file.
    let underWay: Promise<void> | undefined;
    const renew = async () => {
        await write().catch((error: unknown) => console.error(`no new identity token: ${oneLine(error)}`));
        underWay = undefined;
    };
    const timer = setInterval(() => void (underWay ??= renew()), renewMs);
    return {
        env: {
            AZURE_FEDERATED_TOKEN_FILE: file,
            AZURE_CLIENT_ID: env.AZURE_CLIENT_ID ?? env.ARM_CLIENT_ID,
            AZURE_TENANT_ID: env.AZURE_TENANT_ID ?? env.ARM_TENANT_ID,
        },
        stop: async () => {
            clearInterval(timer);
            await underWay;
        },
    };
}
