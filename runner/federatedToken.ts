// GitHub's identity token in a file, kept fresh: the state backend and the secrets provider read theirs from one, and a token
// lives for minutes while an image takes an hour. azure-native and the program ask GitHub by themselves.
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { oneLine, UserError } from "../components/core/errors";

/** GitHub's tokens live for five minutes and more. */
const RENEW_MS = 4 * 60_000;

/** A token file, and how to stop renewing it. */
export interface TokenFile {
    /** Variables as Azure's SDK for Go (workload identity) reads them. */
    env: NodeJS.ProcessEnv;
    stop: () => void;
}

/**
 * Keeps a token file, where this is a GitHub job with `id-token: write` that signs in by ARM_USE_OIDC.
 *
 * @returns undefined where it is not, or where a token file is given already
 * @throws UserError when GitHub gives no token
 */
export async function keepTokenFile(
    env: NodeJS.ProcessEnv,
    scratch: string,
    renew = RENEW_MS,
): Promise<TokenFile | undefined> {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = env;
    if (!url || !secret || env.ARM_USE_OIDC !== "true" || env.AZURE_FEDERATED_TOKEN_FILE) {
        return undefined;
    }
    const file = join(scratch, "azure-token");
    const write = async () => {
        // Renamed into place, so that nobody reads half a token.
        await writeFile(`${file}.new`, await requestToken(url, secret), { mode: 0o600 });
        await rename(`${file}.new`, file);
    };
    await write();
    let stopped = false;
    const timer = setInterval(() => {
        write().catch(
            (error: unknown) => stopped || console.error(`GitHub gave no new identity token: ${oneLine(error)}`),
        );
    }, renew);
    return {
        env: {
            AZURE_FEDERATED_TOKEN_FILE: file,
            AZURE_CLIENT_ID: env.AZURE_CLIENT_ID ?? env.ARM_CLIENT_ID,
            AZURE_TENANT_ID: env.AZURE_TENANT_ID ?? env.ARM_TENANT_ID,
        },
        stop: () => {
            stopped = true;
            clearInterval(timer);
        },
    };
}

async function requestToken(url: string, secret: string): Promise<string> {
    const response = await fetch(`${url}&audience=${encodeURIComponent("api://AzureADTokenExchange")}`, {
        headers: { Authorization: `Bearer ${secret}` },
        signal: AbortSignal.timeout(30_000),
    });
    const { value } = (await response.json().catch(() => ({}))) as { value?: string };
    if (!response.ok || !value) {
        throw new UserError(
            `GitHub gave no identity token (${response.status}); the job needs permissions: id-token: write`,
        );
    }
    return value;
}
