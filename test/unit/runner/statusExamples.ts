// Pools as `npm run status` finds them: facts to change a few of in a test, and whole pools of any size.
import type { MachineAndNode } from "../../../components/selection/proof";
import { readSettings } from "../../../components/config/load";
import { REBOOT_IN_PROGRESS, REBOOT_NEEDED } from "../../../components/node/kured";
import { asUtc } from "../../../components/core/duration";
import { versionOf } from "../../../components/core/version";
import type { PoolNode } from "../../../components/selection/rules";
import type { PoolFacts } from "../../../runner/status/read";
import { statusOf, type PoolStatus } from "../../../runner/status/show";

export const NOW = new Date("2026-11-25T12:00:00Z");
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
export const ago = (minutes: number) => new Date(NOW.getTime() - minutes * MINUTE_MS);

const RESOURCES = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/rg/providers/Microsoft.Compute";
export const definitionOf = (pool: string) => `${RESOURCES}/galleries/g/images/${pool}`;

/** The settings of one pool, with all defaults. */
export function settingsOf(scaleSet: string, own: object = {}) {
    return readSettings({ resourceGroup: "rg", pools: JSON.stringify([{ scaleSet, ...own }]) }).pools[0];
}

/** What a pool's machines and nodes are made from. */
export interface Example {
    name: string;
    nodes: number;
    /** Hours ago at which the donors of its images were rebooted, the newest first. */
    versions: number[];
    /** What its machines were made from at first. */
    before?: string;
}

/**
 * A pool with a past: machines of old, nodes that kured has rebooted one after the other, images of the donors, and for
 * each image machines that were made from it. The same each time.
 */
export function poolFacts({
    name,
    nodes: count,
    versions,
    before = "microsoft-aks:aks:2021.12.07",
}: Example): PoolFacts {
    const definition = definitionOf(name);
    const scaleSetId = `${RESOURCES}/virtualMachineScaleSets/${name}`;
    const names = versions.map((hours) => versionOf(ago(hours * 60)));
    const nodes: PoolNode[] = [];
    const machines = new Map<string, MachineAndNode[]>();
    for (let index = 0; index < count; index++) {
        // The first half is of old; the others are spread over the images, the newest having the fewest.
        const from = index < count / 2 || names.length === 0 ? -1 : names.length - 1 - (index % names.length);
        const image = from < 0 ? before : `${definition}/versions/${names[from]}`.toLowerCase();
        const born = from < 0 ? 24 * 60 * 200 + index : (versions[from] - 2) * 60 - index * 7;
        const madeAt = ago(Math.max(born, 4));
        const state =
            index === count - 1 && count > 3 ? "late" : index === count - 2 && count > 5 ? "starting" : "Ready";
        const node = `${name}${index.toString(36).padStart(6, "0")}`;
        const needed = from < 0 ? ago(60 * (4 + ((index * 37) % 90))) : undefined;
        const waits = index % 9 === 4;
        const rebooted =
            needed && new Date(Math.min(needed.getTime() + (20 + ((index * 53) % 400)) * MINUTE_MS, ago(90).getTime()));
        const ready = state === "Ready";
        const readySince = new Date((rebooted && !waits ? rebooted : madeAt).getTime() + 3 * MINUTE_MS);
        const made = { name: node, madeAt: state === "late" ? ago(50) : madeAt, running: true, ready, wasReady: false };
        machines.set(image, [...(machines.get(image) ?? []), { ...made, ...(ready && { readySince }) }]);
        if (state === "late") {
            continue;
        }
        nodes.push({
            ...{ name: node, labels: {}, cordoned: index === 5, deleting: false, ready, kubeletVersion: "v1.27.4" },
            annotations: {
                ...(needed && { [REBOOT_NEEDED]: asUtc(needed) }),
                ...(waits && needed && { [REBOOT_IN_PROGRESS]: asUtc(needed) }),
            },
            ...(rebooted && !waits && { kuredWroteAt: rebooted }),
            details: {
                ...{ providerID: `azure://${scaleSetId}/virtualMachines/${index}`, ready, readySince },
                ...{ createdAt: new Date(madeAt.getTime() + MINUTE_MS), taints: [] },
            },
        });
    }
    const donors = names.map((version, index) => ({ version, node: `${name}${index.toString(36).padStart(6, "0")}` }));
    // A donor's latest reboot is the one that its image is named by.
    donors.forEach(({ node }, index) => {
        const donor = nodes.find((each) => each.name === node);
        if (donor && index * 2 < count) {
            const rebooted = ago(versions[index] * 60);
            const needed = new Date(rebooted.getTime() - (1 + index) * HOUR_MS);
            Object.assign(donor, { annotations: { [REBOOT_NEEDED]: asUtc(needed) }, kuredWroteAt: rebooted });
            donor.details!.readySince = new Date(rebooted.getTime() + 3 * MINUTE_MS);
        }
    });
    const live = names[0] === undefined ? before : `${definition}/versions/${names[0]}`;
    const choices = donors.map(({ version, node }, index) => ({
        ...{ version, node, instanceId: String(index), attempt: 1 },
        rebootNeededAt: nodes.find((each) => each.name === node)?.annotations[REBOOT_NEEDED] ?? "",
    }));
    return {
        ...{
            name,
            poolId: scaleSetId,
            definition,
            nodes,
            machines,
            rebooting: [],
            unfinished: [],
            leftovers: [],
            unknown: [],
        },
        settings: settingsOf(name),
        live: { image: live, rest: "" },
        state: {
            output: {
                ...{
                    adopted: true,
                    scaleSetId,
                    version: names[0] ?? "",
                    versions: names,
                    model: { image: live, rest: "" },
                },
                explanation: names[0]
                    ? `image ${names[0]} from node ${donors[0].node}`
                    : "no node fits yet, so there is no image",
            },
            selection: { versions: [...choices].reverse() },
        },
        gallery: donors.map(({ version, node }, index) => ({
            ...{ version, node, state: "Succeeded", attempt: 1 },
            publishedAt: new Date(Math.min(ago(versions[index] * 60).getTime() + 80 * MINUTE_MS, ago(5).getTime())),
        })),
        way: { mode: "copy", why: "the cluster has disk.csi.azure.com" },
    };
}

/** How such a pool stands. */
export function poolStatus(example: Example, changes: Partial<PoolFacts> = {}): PoolStatus {
    const facts = { ...poolFacts(example), ...changes };
    return statusOf(facts, NOW, facts.settings!.selection);
}

const LONG = "x".repeat(90);

/** Pools of all sizes and ages. */
export const EXAMPLES: Example[] = [
    { name: "k8s-pool1-09610289-vmss", nodes: 6, versions: [20, 45, 92] },
    { name: "k8s-single-09610289-vmss", nodes: 1, versions: [] },
    { name: "k8s-large-09610289-vmss", nodes: 100, versions: [3, 5.5, 30, 100] },
    { name: "k8s-old-09610289-vmss", nodes: 12, versions: [24 * 20, 24 * 75, 24 * 160] },
    { name: "k8s-empty-09610289-vmss", nodes: 0, versions: [1, 1.5] },
    {
        name: "a-scale-set-whose-name-is-as-long-as-Azure-takes-which-is-64-let",
        nodes: 10,
        versions: [1],
        before: LONG,
    },
];
