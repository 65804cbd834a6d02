// A management cluster of Cluster API as a small HTTP server: a MachinePool and a MachineDeployment, each with its
// template.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capiPool } from "./facts";
import { capiMachines } from "./machinesFacts";

/** How to reach it, and to stop it. */
export interface ManagementCluster {
    kubeconfig: string;
    /** What it has, by the end of the path. */
    objects: Record<string, object>;
    stop(): void;
}

/** Starts one. @param read is called with the end of the path of each object that is read */
export async function startManagementCluster(
    read: (path: string) => void = () => undefined,
): Promise<ManagementCluster> {
    const [pool, machines] = [capiPool(), capiMachines()];
    const objects: Record<string, object> = {
        "machinepools/mp1": pool.machinePool,
        "azuremachinepools/mp1": pool.azureMachinePool,
        "machinedeployments/md1": machines.owner,
        "azuremachinetemplates/md1": machines.template,
        "namespaces/default/machines": { items: machines.machines },
        "namespaces/default/machinesets": { items: [] },
        "clusters/c1": { metadata: { uid: "c1-uid" }, spec: {} },
    };
    const server = createServer(({ url = "" }, response) => {
        const { pathname } = new URL(url, "http://localhost");
        const found = Object.keys(objects).find((path) => pathname.endsWith(`/${path}`));
        if (found) {
            read(found);
        }
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(found ? objects[found] : { kind: "APIResourceList", resources: [] }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const folder = mkdtempSync(join(tmpdir(), "kamino-management-"));
    const kubeconfig = join(folder, "config");
    const config = {
        ...{ apiVersion: "v1", kind: "Config", "current-context": "c", users: [{ name: "c", user: {} }] },
        clusters: [{ name: "c", cluster: { server: address, "insecure-skip-tls-verify": true } }],
        contexts: [{ name: "c", context: { cluster: "c", user: "c" } }],
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
    const stop = () => {
        server.close();
        rmSync(folder, { recursive: true, force: true });
    };
    return { kubeconfig, objects, stop };
}
