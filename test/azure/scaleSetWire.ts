// One scale set for each test of what goes over the wire about it, and plain requests to it.
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure/index";
import { finished, sender, startForTest, type Plain, type Send } from "./support";

export const GROUP = "wire-rg";
export const VERSION = "api-version=2024-11-01";

/** The file's local Azure, a sender signed in to it, and the scale set of the test that runs: set by useScaleSets. */
export let azure: AzureSandbox;
export let send: Send;
export let pool: ScaleSet;

/** Starts a local Azure for the test file, and makes a scale set of one VM before each of its tests. */
export function useScaleSets(): void {
    let close: () => Promise<void>;
    let count = 0;
    beforeAll(async () => {
        ({ azure, close } = await startForTest());
        send = await sender(azure);
    });
    afterAll(() => close());
    beforeEach(async () => {
        pool = await azure.createScaleSet({ name: `pool${++count}`, resourceGroup: GROUP, capacity: 1 });
    });
}

export const at = (id: string, version = VERSION) => `${id}?${version}`;
export const get = (version = VERSION) => send("GET", at(pool.id, version));
export const put = (body: unknown, headers?: Record<string, string>) => send("PUT", at(pool.id), body, headers);

/** Puts this body, waits until the operation has succeeded, and reads what is there then. */
export async function putAndFinish(body: unknown): Promise<Plain> {
    const accepted = await put(body);
    expect(accepted.status).toBe(200);
    expect((await finished(send, accepted)).body.status).toBe("Succeeded");
    return get();
}
