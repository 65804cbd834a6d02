// A local Azure for one test file, and official clients of it.
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ComputeManagementClient } from "@azure/arm-compute";
import { ClientSecretCredential } from "@azure/identity";
import { startAzure, type AzureOptions, type AzureSandbox, type Principal } from "../../sandbox/azure/index";

/** A started local Azure in a temporary folder (with a space in its name), and how to be rid of both. */
export async function startForTest(
    options: Partial<AzureOptions> = {},
): Promise<{ azure: AzureSandbox; close: () => Promise<void> }> {
    const directory = mkdtempSync(join(tmpdir(), "kamino azure "));
    const azure = await startAzure({ directory, ...options });
    const close = async () => {
        await azure.stop();
        rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    };
    return { azure, close };
}

/** The official SDK, signed in with the official identity library as this principal. */
export function computeClient(azure: AzureSandbox, principal: Principal = azure.principal): ComputeManagementClient {
    const tlsOptions = { ca: azure.ca };
    const credential = new ClientSecretCredential(azure.tenantId, principal.clientId, principal.secret ?? "", {
        authorityHost: azure.url,
        disableInstanceDiscovery: true,
        tlsOptions,
    });
    return new ComputeManagementClient(credential, azure.subscriptionId, { endpoint: azure.url, tlsOptions });
}

/**
 * JSON of any shape, as tests look into it: whichever member is asked for, what is there is found out by comparing it.
 */
export interface Body {
    [member: string]: Body;
}

/** A body that is a list, element by element. */
export function items<T>(list: Body): T[] {
    return list as unknown as T[];
}

/** A plain answer: status, headers and parsed body, nothing interpreted. */
export interface Plain {
    status: number;
    headers: IncomingHttpHeaders;
    text: string;
    /** Undefined at run time when the answer has none. */
    body: Body;
}

/**
 * One request as bytes on the wire: for headers and errors that an SDK would hide. Paths are below the subscription
 * unless absolute.
 */
export type Send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Plain>;

/** A sender with a token of this principal. */
export async function sender(azure: AzureSandbox, principal: Principal = azure.principal): Promise<Send> {
    const token = await azure.tokens.issue(principal, "https://management.azure.com");
    return (method, path, body, headers = {}) => {
        const below = path.startsWith("/") ? path : `/subscriptions/${azure.subscriptionId}/${path}`;
        return plain(azure, method, below, body === undefined ? undefined : JSON.stringify(body), {
            authorization: `Bearer ${token}`,
            ...(body !== undefined && { "content-type": "application/json" }),
            ...headers,
        });
    };
}

/** A request without anything added. */
export function plain(
    azure: AzureSandbox,
    method: string,
    path: string,
    body?: string,
    headers?: Record<string, string>,
): Promise<Plain> {
    const url = path.startsWith("https://") ? path : azure.url + path;
    return new Promise((resolve, reject) => {
        const call = request(url, { method, headers, ca: azure.ca }, (answer) => {
            const chunks: Buffer[] = [];
            answer.on("data", (chunk: Buffer) => chunks.push(chunk));
            answer.on("end", () => {
                const text = Buffer.concat(chunks).toString("utf8");
                resolve({
                    status: answer.statusCode ?? 0,
                    headers: answer.headers,
                    text,
                    body: (text === "" ? undefined : JSON.parse(text)) as Body,
                });
            });
        });
        call.on("error", reject);
        call.end(body);
    });
}

/** Polls an accepted answer's operation until it has ended and gives its last body. */
export async function finished(send: Send, accepted: Plain): Promise<Plain> {
    const url = new URL(accepted.headers["azure-asyncoperation"] as string);
    for (;;) {
        const state = await send("GET", url.pathname + url.search);
        const { status }: { status?: unknown } = state.body;
        if (status !== "InProgress") {
            return state;
        }
    }
}
