// The machines of a scale set: which image each was made from, when, and whether it runs.
import type { ImageReference } from "@azure/arm-compute";
import { computeClient, readOrUndefined } from "./client";
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
 * The machines of a scale set; none where there is no such scale set. One request for a page of them.
 *
 * @throws UserError in one line when Azure is away or refuses
 */
export async function readMachines(scaleSetId: string): Promise<Machine[]> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    const list = async () => {
        const { virtualMachineScaleSetVMs } = await computeClient(subscriptionId);
        const machines: Machine[] = [];
        for await (const vm of virtualMachineScaleSetVMs.list(resourceGroup, names[0], { expand: "instanceView" })) {
            const codes = vm.instanceView?.statuses?.map(({ code }) => code) ?? [];
            machines.push({
                instanceId: vm.instanceId ?? "",
                name: (vm.osProfile?.computerName ?? vm.name ?? "").toLowerCase(),
                image: vm.storageProfile?.imageReference ?? {},
                madeAt: vm.timeCreated,
                running:
                    codes.includes("PowerState/running") && !/^(Creating|Deleting)$/.test(vm.provisioningState ?? ""),
            });
        }
        return machines;
    };
    return (await readOrUndefined(`the machines of ${names[0]}`, list)) ?? [];
}
