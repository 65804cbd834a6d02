// The whole program on the sandbox: a stack for its pools, nodes with a past, and what an outcome did to which
// resource.
import { createHash } from "node:crypto";
import type { PoolOptions, ScaleSet, Vm } from "../../../sandbox/azure";
import type { Outcome } from "../../../sandbox/engine/outcome";
import { Stack, type ConfigValue } from "../../../sandbox/engine/stack";
import { startSandbox, type Sandbox } from "../../../sandbox/sandbox";
import { computeClient } from "../../azure/support";

/**
 * The name of the gallery that a stack makes for pools of a resource group, where the configuration does not name one.
 */
export function galleryNameOf(resourceGroup: string, stack = "test"): string {
    const text = `organization/kamino/${stack}\n${resourceGroup.toLowerCase()}`;
    return `kamino_${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
}

/** What the program says of a pool. */
export interface PoolOutputs {
    node: string;
    version: string;
    versions: string[];
    scaleSetId: string;
    adopted: boolean;
    explanation: string;
}

/** The scale set of a pool of the sandbox, as it is now. */
export function scaleSetOf(sandbox: Sandbox, pool: string): ScaleSet {
    const found = sandbox.azure.scaleSets().find(({ name }) => name.includes(`-${pool}-`));
    if (!found) {
        throw new Error(`the sandbox has no pool ${pool}`);
    }
    return found;
}

/** The machines of a pool, in the order of their numbers. */
export function machinesOf(sandbox: Sandbox, pool: string): Vm[] {
    return sandbox.azure.vms(scaleSetOf(sandbox, pool).id);
}

/**
 * A stack of the whole program for these pools. Disks are captured in place, the way that takes a node out of service,
 * unless the configuration says otherwise; pods get little time to go, so that tests are quick.
 */
export function poolStack(
    sandbox: Sandbox,
    pools: string[],
    config: Record<string, ConfigValue> = {},
    name = "test",
): Promise<Stack> {
    const [first] = pools.map((pool) => scaleSetOf(sandbox, pool));
    return Stack.create({
        ...{ runDirectory: sandbox.directory, env: sandbox.env, name },
        config: {
            resourceGroup: first.resourceGroup,
            pools: pools.map((pool) => ({ name: pool, scaleSet: scaleSetOf(sandbox, pool).name })),
            capture: "in-place",
            gracePeriod: "1s",
            deleteBarePods: true,
            ...config,
        },
    });
}

/** Gives a node of a pool a past: kured saw at that moment that its patches need a reboot, and it is Ready since. */
export async function patch(sandbox: Sandbox, pool: string, index: number, at: string): Promise<string> {
    const { nodeName } = machinesOf(sandbox, pool)[index];
    const outcome = await sandbox.nodes.patchAndReboot(nodeName, { at: new Date(at), utcOffsetMinutes: 120 });
    if (outcome !== "freed") {
        throw new Error(`kured left ${nodeName} ${outcome}`);
    }
    return nodeName;
}

type Model = {
    properties: {
        virtualMachineProfile: {
            storageProfile: { imageReference: Record<string, string> };
            osProfile: { customData?: string };
            extensionProfile: { extensions: { name: string }[] };
        };
    };
};

/** A pool's model as Azure has it, with what a GET leaves out. */
export function modelOf(sandbox: Sandbox, pool: string): Model["properties"]["virtualMachineProfile"] {
    return (scaleSetOf(sandbox, pool).model as unknown as Model).properties.virtualMachineProfile;
}

/** The image version that new nodes of the pool start from; undefined when it is none of a gallery. */
export function imageOf(sandbox: Sandbox, pool: string): string | undefined {
    return modelOf(sandbox, pool).storageProfile.imageReference.id?.split("/").at(-1);
}

/** The image versions that the pool's image definition holds, in order. */
export async function versionsInGallery(sandbox: Sandbox, pool: string): Promise<string[]> {
    const { resourceGroup, name } = scaleSetOf(sandbox, pool);
    const { galleries, galleryImageVersions } = computeClient(sandbox.azure);
    const versions: string[] = [];
    for await (const gallery of galleries.listByResourceGroup(resourceGroup)) {
        const found = galleryImageVersions.listByGalleryImage(resourceGroup, gallery.name ?? "", name);
        for await (const version of found) {
            versions.push(version.name ?? "");
        }
    }
    return versions.sort();
}

/**
 * What was written to Azure since the log was cleared, as `PUT virtualMachineScaleSets/NAME`; polls and reads left out.
 */
export function writes(sandbox: Sandbox): string[] {
    return sandbox.azure.requests
        .writes()
        .map(({ method, path }) => `${method} ${path.split("/").slice(-2).join("/")}`);
}

/** What an outcome changes, as `update VirtualMachineScaleSet pool1`, in alphabetical order. */
export function changesIn(outcome: Outcome): string[] {
    return outcome.changedSteps.map(({ op, type, name }) => `${op} ${type.split(":").at(-1)} ${name}`).sort();
}

/** The line that a person decides by. */
export function lineOf(outcome: Outcome, pool: string): string {
    return outcome.messages("info").find((message) => message.startsWith(`${pool}: `)) ?? "";
}

/**
 * A sandbox with one pool, pool1, whose scale set is changed as given and whose first node kured has rebooted, with a
 * stack that captures by a copy.
 */
export async function startRebootedPool(
    change: PoolOptions["change"],
    config: Record<string, ConfigValue> = {},
): Promise<{ sandbox: Sandbox; stack: Stack }> {
    const sandbox = await startSandbox({ pools: [{ name: "pool1", capacity: 3, change }] });
    await patch(sandbox, "pool1", 0, "2026-11-16T04:12:00Z");
    return { sandbox, stack: await poolStack(sandbox, ["pool1"], { capture: "copy", ...config }) };
}
