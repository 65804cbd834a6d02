// The machines of a scale set: which image each was made from, when, and whether it runs.
import type { ImageReference, VirtualMachineScaleSetVM } from "@azure/arm-compute";
import { collect, computeClient, readOrUndefined } from "./client";
import { parseArmId } from "./ids";

/** One machine of a scale set. */
export interface Machine {
    /** Its number in the scale set. */
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
 * The machines of a scale set; an empty list if the scale set does not exist. Makes one request for each page.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function readMachines(scaleSetId: string): Promise<Machine[]> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    const found = await readOrUndefined(`the machines of ${names[0]}`, async () => {
        const { virtualMachineScaleSetVMs } = await computeClient(subscriptionId);
        return collect(virtualMachineScaleSetVMs.list(resourceGroup, names[0], { expand: "instanceView" }));
    });
    return (found ?? []).map((vm) => ({
        instanceId: vm.instanceId ?? "",
        name: (vm.osProfile?.computerName ?? vm.name ?? "").toLowerCase(),
        image: vm.storageProfile?.imageReference ?? {},
        madeAt: vm.timeCreated,
        running: isRunning(vm),
    }));
}

function isRunning({ instanceView, provisioningState = "" }: VirtualMachineScaleSetVM): boolean {
    const isOn = instanceView?.statuses?.some(({ code }) => code === "PowerState/running") ?? false;
    return isOn && provisioningState !== "Creating" && provisioningState !== "Deleting";
}
