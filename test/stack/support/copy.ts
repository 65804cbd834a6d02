// Captures by a copy, and what they make and leave.
import { StorageV1Api } from "@kubernetes/client-node";
import type { OsDiskCaptureInputs } from "../../../components/capture/osDiskCapture";
import type { Vm } from "../../../sandbox/azure";
import type { Sandbox } from "../../../sandbox/sandbox";
import { items, type Send } from "../../azure/support";
import { inputsFor } from "./capture";

/** What to capture by a copy for a VM of the sandbox. */
export function copyInputsFor(
    sandbox: Sandbox,
    vm: Vm,
    settings = {},
    change: Partial<OsDiskCaptureInputs> = {},
): OsDiskCaptureInputs {
    const inputs = inputsFor(sandbox, vm, change);
    return { ...inputs, settings: { ...inputs.settings, mode: "copy", ...settings } };
}

/** A disk or snapshot, as Azure shows it. */
export interface Resource {
    id: string;
    tags?: Record<string, string>;
    properties: Record<string, unknown>;
    zones?: string[];
}

/** Disks or snapshots that are tagged with the VM's node. */
export async function resourcesOf(send: Send, kind: "disks" | "snapshots", vm: Vm): Promise<Resource[]> {
    const path = `resourceGroups/${vm.id.split("/")[4]}/providers/Microsoft.Compute/${kind}?api-version=2024-03-02`;
    const { body } = await send("GET", path);
    return items<Resource>(body.value).filter(({ tags }) => tags?.node === vm.nodeName);
}

/** Names of all that captures have made in the cluster. */
export async function captureObjects(sandbox: Sandbox): Promise<string[]> {
    const { core, config } = sandbox.nodes.api;
    const labelSelector = "app.kubernetes.io/component=capture";
    const [pods, claims, volumes, attachments] = await Promise.all([
        core.listPodForAllNamespaces({ labelSelector }),
        core.listPersistentVolumeClaimForAllNamespaces({ labelSelector }),
        core.listPersistentVolume({ labelSelector }),
        config.makeApiClient(StorageV1Api).listVolumeAttachment(),
    ]);
    return [pods, claims, volumes, attachments].flatMap(({ items }) =>
        items.map(({ metadata }) => metadata?.name ?? ""),
    );
}

/** ARM ids of the VMs whose model the disk driver has written since the log of requests was cleared. */
export function attachedTo({ azure }: Sandbox): string[] {
    const writes = azure.requests.writes().filter(({ principal }) => principal === "azuredisk-csi-driver");
    return [...new Set(writes.map(({ path }) => path.split("?")[0]))];
}
