// The machines of a pool: which image each was made from, when, and whether it runs.
import type { ImageReference, VirtualMachine, VirtualMachineScaleSetVM } from "@azure/arm-compute";
import { singleVmsIn } from "../core/machinesId";
import { collect, computeClient, readOrUndefined } from "./client";
import { parseArmId } from "./ids";

/** One machine of a pool. */
export interface Machine {
    /** Its number in the scale set, or the name of a single VM. */
    instanceId: string;
    /** The computer's name, in lower case as kubelet gives it to its node. */
    name: string;
    /** The image that it was made from, whatever the scale set's model says now. */
    image: ImageReference;
    /** When Azure made it. */
    madeAt?: Date;
    /** Whether Azure has made it and it is switched on. */
    running: boolean;
}

/**
 * The machines of a pool; an empty list if its scale set does not exist. Makes one request for each page of a scale
 * set's, and one for each single VM.
 *
 * @param poolId ARM id of the scale set, or the pool's `machinesId`
 * @param names the single VMs that are the pool's
 * @throws UserError in one line when Azure is away or refuses
 */
export async function readMachines(poolId: string, names: string[] = []): Promise<Machine[]> {
    return singleVmsIn(poolId) === undefined ? readOfScaleSet(poolId) : readSingle(poolId, names);
}

async function readOfScaleSet(scaleSetId: string): Promise<Machine[]> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    const found = await readOrUndefined(`the machines of ${names[0]}`, async () => {
        const { virtualMachineScaleSetVMs } = await computeClient(subscriptionId);
        return collect(virtualMachineScaleSetVMs.list(resourceGroup, names[0], { expand: "instanceView" }));
    });
    return (found ?? []).map((vm) => machineOf(vm, vm.instanceId));
}

async function readSingle(poolId: string, names: string[]): Promise<Machine[]> {
    const { subscriptionId, resourceGroup } = parseArmId(poolId);
    const { virtualMachines } = await computeClient(subscriptionId);
    const found = await Promise.all(
        names.map((name) =>
            readOrUndefined(`VM ${name}`, () => virtualMachines.get(resourceGroup, name, { expand: "instanceView" })),
        ),
    );
    return found.flatMap((vm, index) => (vm ? [machineOf(vm, names[index])] : []));
}

type AnyVm = VirtualMachine | VirtualMachineScaleSetVM;

/** A machine as the compute service says it is, with its instance view. */
export function machineOf(vm: AnyVm, instanceId = ""): Machine {
    return {
        instanceId,
        name: (vm.osProfile?.computerName ?? vm.name ?? "").toLowerCase(),
        image: vm.storageProfile?.imageReference ?? {},
        madeAt: vm.timeCreated,
        running: isRunning(vm),
    };
}

function isRunning({ instanceView, provisioningState = "" }: AnyVm): boolean {
    const isOn = instanceView?.statuses?.some(({ code }) => code === "PowerState/running") ?? false;
    return isOn && provisioningState !== "Creating" && provisioningState !== "Deleting";
}
