// Whether a node can be spared, as a capture in place asks right before it begins: of a list of nodes that comes in
// pages.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkSpare } from "../../../components/capture/checks";
import { REBOOT_IN_PROGRESS } from "../../../components/node/kured";

const SCALE_SET =
    "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/kube/providers/Microsoft.Compute/virtualMachineScaleSets/pool";

interface Change {
    ready?: boolean;
    cordoned?: boolean;
    marked?: boolean;
    scaleSet?: string;
}

/** A node as the API server's JSON has it. */
function node(index: number, { ready = true, cordoned, marked, scaleSet = SCALE_SET }: Change = {}) {
    return {
        metadata: {
            name: `n${index}`,
            ...(marked && { annotations: { [REBOOT_IN_PROGRESS]: "2026-11-22T04:12:00Z" } }),
        },
        spec: {
            providerID: `azure://${scaleSet}/virtualMachines/${index}`,
            ...(cordoned && { unschedulable: true }),
        },
        status: { conditions: [{ type: "Ready", status: ready ? "True" : "Unknown" }] },
    };
}

describe("a node can be spared right before its capture", () => {
    let server: Server;
    let pages: object[][];
    let asked: string[];

    beforeEach(async () => {
        asked = [];
        server = createServer((request, response) => {
            asked.push(request.url ?? "");
            const page = Number(new URL(request.url ?? "", "http://x").searchParams.get("continue") ?? 0);
            const metadata = page + 1 < pages.length ? { continue: String(page + 1) } : {};
            response.setHeader("Content-Type", "application/json");
            response.end(JSON.stringify({ items: pages[page], metadata }));
        });
        await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    });
    afterEach(() => {
        server.close();
    });

    const check = (minimum?: { value: number; unit: string }) => {
        const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const config = new KubeConfig();
        config.loadFromClusterAndUser({ name: "c", server: address, skipTLSVerify: true }, { name: "u" });
        return checkSpare({ config, server: address }, { node: "n0", scaleSetId: SCALE_SET }, minimum);
    };

    test("when all others of its pool are in service, on whatever page they are; never from a cache", async () => {
        pages = [[node(0, { ready: false }), node(1)], [node(2)]];
        await check();
        expect(asked).toHaveLength(2);
        expect(asked.join()).not.toContain("resourceVersion");
    });

    test("when a node of another pool is off", async () => {
        pages = [[node(0), node(1), node(2, { ready: false, scaleSet: `${SCALE_SET}2` })]];
        await expect(check()).resolves.toBeUndefined();
    });

    test.each<[string, Change, { value: number; unit: string } | undefined, string]>([
        [
            "another one is off",
            { ready: false },
            undefined,
            "1 of the pool's 2 other nodes are in service, and 2 must be",
        ],
        ["another one is rebooting", { cordoned: true, marked: true }, undefined, "kured is rebooting node n2"],
        [
            "one of another pool is rebooting",
            { cordoned: true, marked: true, scaleSet: `${SCALE_SET}2` },
            undefined,
            "kured is rebooting node n2",
        ],
        [
            "fewer are in service than configured",
            { ready: false },
            { value: 80, unit: "percent" },
            "1 of the pool's 2 other nodes are in service, and 2 must be (kamino:minimumReadyNodes)",
        ],
    ])("but not when %s, and the line says the numbers", async (_, change, minimum, said) => {
        pages = [[node(0), node(1)], [node(2, change)]];
        await expect(check(minimum)).rejects.toThrow(said);
        await expect(check(minimum)).rejects.toThrow(/; nothing was changed, preview again$/);
    });

    test("when as many as configured are in service", async () => {
        pages = [[node(0), node(1)], [node(2, { cordoned: true, marked: true })]];
        await expect(check({ value: 50, unit: "percent" })).resolves.toBeUndefined();
    });
});
