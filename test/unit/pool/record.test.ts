// What is recorded of a pool by an update that carries out a part alone.
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { recordOfPool } from "../../../components/pool/record";
import type { PoolOutputs } from "../../../components/pool/vmssPrototype";

let said: string[];
beforeEach(() => {
    said = [];
    vi.spyOn(pulumi.runtime, "isDryRun").mockReturnValue(false);
    vi.spyOn(pulumi.log, "warn").mockImplementation((message) => {
        said.push(message);
        return Promise.resolve();
    });
});
afterEach(() => void vi.restoreAllMocks());

const outputsOf = (version: unknown) => ({ version: pulumi.output(version) }) as unknown as PoolOutputs;
const recorded = (version: unknown, previous?: object) =>
    new Promise((resolve) => {
        recordOfPool("pool1", outputsOf(version), previous).apply(resolve);
    });

test("the last record stays, and a line says so", async () => {
    expect(await recorded(pulumi.unknown, { version: "2026.1116.0412" })).toEqual({ version: "2026.1116.0412" });
    expect(said).toEqual([expect.stringMatching(/^pool1: .* what the last one recorded stays; run npm run up/)]);
});

test("of a pool of which nothing was recorded nothing is, and the line says that", async () => {
    expect(await recorded(pulumi.unknown)).toBeUndefined();
    expect(said).toEqual([expect.stringMatching(/^pool1: .* so that nothing is recorded of it; run npm run up/)]);
});

test("a whole update records what it did, and says nothing", async () => {
    expect(await recorded("2026.1117.0412", { version: "2026.1116.0412" })).toEqual({ version: "2026.1117.0412" });
    expect(said).toEqual([]);
});
