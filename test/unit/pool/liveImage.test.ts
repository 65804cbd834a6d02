// Which image new machines of a pool of Cluster API start from right now.
import { afterAll, beforeAll, expect, test } from "vitest";
import { liveImageNow } from "../../../components/pool/liveImage";
import type { Pool } from "../../../components/pool/pool";
import { capiPool } from "../capi/facts";
import { capiMachines, templateSpec } from "../capi/machinesFacts";
import { startManagementCluster, type ManagementCluster } from "../capi/managementCluster";
import { liveModel } from "./liveModel";

const ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/galleries/g/images/mp1/versions/1.0.0";
const image = {
    computeGallery: { subscriptionID: "s", resourceGroup: "rg", gallery: "g", name: "mp1", version: "1.0.0" },
};

let management: ManagementCluster;
beforeAll(async () => void (management = await startManagementCluster()));
afterAll(() => management?.stop());

const poolOf = (keeper: object) => ({ configKey: "kamino:pools[0]", live: liveModel(), ...keeper }) as unknown as Pool;

test("of a MachinePool it is what the AzureMachinePool says since, which CAPZ writes to the scale set only later", async () => {
    const kubernetes = { kubeconfig: management.kubeconfig };
    const pool = poolOf({ machinePool: { capi: capiPool(), kubernetes } });
    expect(await liveImageNow(pool)).toBeUndefined();
    management.objects["azuremachinepools/mp1"] = capiPool({ spec: { template: { image } } }).azureMachinePool;
    expect(await liveImageNow(pool)).toBe(ID);
});

test("of a MachineDeployment it is what its template says since", async () => {
    const kubernetes = { kubeconfig: management.kubeconfig };
    const at = { kind: "MachineDeployment", namespace: "default", name: "md1", kubernetes };
    const pool = poolOf({ machines: { capi: capiMachines(), at } });
    expect(await liveImageNow(pool)).toBeUndefined();
    const spec = templateSpec({ image });
    management.objects["azuremachinetemplates/md1"] = capiMachines({ template: { spec } }).template;
    expect(await liveImageNow(pool)).toBe(ID);
});
