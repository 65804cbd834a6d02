// A local Azure for one test file, and official clients of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ComputeManagementClient } from "@azure/arm-compute";
import { ClientSecretCredential } from "@azure/identity";
import { startAzure, type AzureOptions, type AzureSandbox, type Principal } from "../../sandbox/azure/index";

/** A started local Azure in a temporary folder (with a space in its name), and how to be rid of both. */
export async function startForTest(options: Partial<AzureOptions> = {}): Promise<{ azure: AzureSandbox; close: () => Promise<void> }> {
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

/** A plain answer: status, headers and parsed body, nothing interpreted. */
export interface Plain {
    status: number;
    headers: Headers;
    body: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- tests look into answers of any shape
}

/** One request as bytes on the wire: for headers and errors that an SDK would hide. */
export type Send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Plain>;
