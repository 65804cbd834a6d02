// What a run, whatever became of it, must not leave behind once a later one has gone through.
import { StorageV1Api } from "@kubernetes/client-node";
import { isExpired, type LockEntry } from "../../components/node/kuredLockValue";
import type { Sandbox } from "../../sandbox/sandbox";
import { computeClient } from "../azure/support";
import { machinesOf, scaleSetOf } from "../stack/support/pools";

/** Everything of ours, and everything not as it was, in one line each; empty when all is well. */
export async function leftoversOf(sandbox: Sandbox, pool: string, machines: string[]): Promise<string[]> {
    const found = await Promise.all([onNodes(sandbox), inKubernetes(sandbox), inAzure(sandbox, pool)]);
    return [...found.flat(), ...capacityOf(sandbox, pool, machines)];
}

async function onNodes({ nodes, azure }: Sandbox): Promise<string[]> {
    const { items } = await nodes.api.core.listNode();
    const ofNodes = items.flatMap(({ metadata, spec, status }) => {
        const name = metadata?.name ?? "";
        const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
        const ours = Object.keys(metadata?.annotations ?? {}).filter((key) => /^kamino|cluster-autoscaler/.test(key));
        return [
            ...(spec?.unschedulable ? [`node ${name} is cordoned`] : []),
            ...(ready ? [] : [`node ${name} is not Ready`]),
            ...ours.map((key) => `node ${name} carries ${key}`),
        ];
    });
    const off = azure.vms().filter(({ power }) => power !== "running");
    return [...ofNodes, ...off.map(({ nodeName, power }) => `the VM of ${nodeName} is ${power}`)];
}

async function inKubernetes({ nodes }: Sandbox): Promise<string[]> {
    const { core, apps, config } = nodes.api;
    const storage = config.makeApiClient(StorageV1Api);
    const labelSelector = "app.kubernetes.io/name=kamino";
    const [pods, claims, volumes, attachments, daemonSets] = await Promise.all([
        core.listPodForAllNamespaces({ labelSelector }),
        core.listPersistentVolumeClaimForAllNamespaces({ labelSelector }),
        core.listPersistentVolume({ labelSelector }),
        storage.listVolumeAttachment(),
        apps.listDaemonSetForAllNamespaces(),
    ]);
    const named = (kind: string, { items }: { items: { metadata?: { name?: string } }[] }) =>
        items.map(({ metadata }) => `${kind} ${metadata?.name} is there`);
    const locks = daemonSets.items.flatMap(({ metadata }) =>
        Object.entries(metadata?.annotations ?? {})
            .filter(([, value]) => ownEntries(value).some((entry) => !isExpired(entry, new Date())))
            .map(([key]) => `kured's lock ${key} is held`),
    );
    return [
        ...named("pod", pods),
        ...named("claim", claims),
        ...named("volume", volumes),
        ...named("attachment", attachments),
        ...locks,
    ];
}

/** This program's entries in kured's lock, in either of its forms. One that has expired is nobody's hindrance. */
function ownEntries(annotation: string): LockEntry[] {
    if (!annotation.includes('"kamino/')) {
        return [];
    }
    const { locks, ...single } = JSON.parse(annotation) as LockEntry & { locks?: LockEntry[] };
    return (locks ?? [single]).filter(({ nodeID }) => nodeID.startsWith("kamino/"));
}

async function inAzure(sandbox: Sandbox, pool: string): Promise<string[]> {
    const { resourceGroup } = scaleSetOf(sandbox, pool);
    const client = computeClient(sandbox.azure);
    const found: string[] = [];
    for await (const { name, tags } of client.snapshots.listByResourceGroup(resourceGroup)) {
        if (isOurs(tags)) {
            found.push(`snapshot ${name} is there`);
        }
    }
    for await (const { name, tags } of client.disks.listByResourceGroup(resourceGroup)) {
        if (isOurs(tags)) {
            found.push(`disk ${name} is there`);
        }
    }
    return found;
}

function isOurs(tags: Record<string, string> = {}): boolean {
    return Object.entries(tags).some(([key, value]) => /kamino/.test(key) || value === "kamino");
}

function capacityOf(sandbox: Sandbox, pool: string, machines: string[]): string[] {
    const now = machinesOf(sandbox, pool).map(({ instanceId }) => instanceId);
    const capacity = (scaleSetOf(sandbox, pool).model.sku as { capacity?: number } | undefined)?.capacity;
    return now.join() === machines.join() && (capacity ?? now.length) === machines.length
        ? []
        : [`the pool has capacity ${capacity} and instances ${now.join()} in place of ${machines.join()}`];
}
