// When a pool of Cluster API is looked at once more: after its images are made, with Pulumi's mocks.
import { setTimeout as sleep } from "node:timers/promises";
import { compute } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSettings } from "../../../components/config/load";
import { declareMachinePool } from "../../../components/pool/declareMachinePool";
import { declareMachines } from "../../../components/pool/declareMachines";
import type { Declaration, Declared } from "../../../components/pool/declareScaleSet";
import type { Pool } from "../../../components/pool/pool";
import { capiPool } from "../capi/facts";
import { capiMachines } from "../capi/machinesFacts";
import { startManagementCluster, type ManagementCluster } from "../capi/managementCluster";
import { liveModel } from "./liveModel";

const VERSION = "2026.1121.0409";
const [pool, machines] = [capiPool(), capiMachines()];

/** What has happened, in order. */
let events: string[];
let management: ManagementCluster;

beforeAll(async () => {
    management = await startManagementCluster((path) => {
        if (path.startsWith("azuremachine")) {
            events.push("pool looked at");
        }
    });
    await pulumi.runtime.setMocks(
        {
            newResource: async ({ type, name, inputs }) => {
                if (type.endsWith(":GalleryImageVersion")) {
                    // Azure takes an hour.
                    await sleep(300);
                    events.push("image made");
                } else if (/:(MachinePoolImage|InfrastructureRef)$/.test(type)) {
                    events.push("written");
                }
                return { id: `${name}-id`, state: { ...(inputs as object), template: "md1-2" } };
            },
            call: () => ({}),
        },
        "kamino",
        "test",
        false,
    );
});
afterAll(() => management?.stop());

test.each<[string, typeof declareMachinePool]>([
    ["MachinePool", declareMachinePool],
    ["MachineDeployment", declareMachines],
])("a %s is looked at once more after the images are made, and before it is written", async (kind, declare) => {
    events = [];
    const kubernetes = { kubeconfig: management.kubeconfig };
    const [settings] = readSettings({
        resourceGroup: "rg",
        pools: JSON.stringify([{ name: "pool1", scaleSet: "pool1" }]),
    }).pools;
    const read = {
        ...{ settings, configKey: "kamino:pools[0]", live: liveModel() },
        gallery: { subscriptionId: "s", resourceGroup: "rg", name: "kamino" },
        definition: { name: "pool1" },
        ...(kind === "MachinePool"
            ? { machinePool: { capi: pool, kubernetes } }
            : { machines: { capi: machines, at: { kind, namespace: "default", name: "md1", kubernetes } } }),
    } as unknown as Pool;
    const parent = new pulumi.ComponentResource("kamino:index:VmssPrototype", kind);
    const review = { pool: read, live: { image: "", rest: "" }, changes: [], line: "" };
    const declaration = { review, previous: {}, parent } as unknown as Declaration;
    const decided = { version: VERSION, choices: [], writes: 0, bootstrap: "keep" as const };
    const image = new compute.GalleryImageVersion(`${kind}-${VERSION}`, {
        ...{ resourceGroupName: "rg", galleryName: "kamino", galleryImageName: "pool1" },
        storageProfile: {},
    });
    const { adopted }: Declared = declare("pool1", declaration, decided, pulumi.output([image]));
    expect(await new Promise((resolve) => adopted.apply(resolve))).toBe(true);
    expect([...new Set(events)]).toEqual(["image made", "pool looked at", "written"]);
});
