// What a GET of a single VM shows: its model without secrets, the disks as they are, its instance view.
import type { Cloud } from "../cloud";
import type { Json } from "../machineModel";
import type { SingleVm } from "../singleVm";
import { hideSecrets } from "./view";
import { extensionView, guestView, storageView } from "./vmView";

/** The first api-version that knows a VM's etag (Azure's SDKs of 2024-03-01). */
const WITH_ETAG = "2024-03-01";

/** A VM as GET and list show it, in the recorded order of members. */
export function virtualMachineView(cloud: Cloud, vm: SingleVm, apiVersion: string): Json {
    const { name, id, type, location, tags, properties, ...rest } = structuredClone(vm.wire);
    hideSecrets(properties);
    const { hardwareProfile, osProfile, networkProfile, timeCreated, ...others } = properties;
    // Before its disks are made the model is all that there is to show.
    const made = vm.storageProfile.osDisk !== undefined;
    return {
        ...{ name, id, type, location, tags },
        ...(apiVersion >= WITH_ETAG && { etag: vm.model.etag }),
        properties: {
            ...others,
            ...{ vmId: vm.vmId, hardwareProfile },
            storageProfile: made ? storageView(cloud, vm) : others.storageProfile,
            ...{ osProfile, networkProfile, provisioningState: vm.provisioningState, timeCreated },
        },
        ...rest,
        ...(vm.extensions.length > 0 && { resources: vm.extensions.map((one) => extensionView(vm, one)) }),
    };
}

/** The instance view of a single VM: fault and update domain are those of its availability set. */
export function virtualMachineInstanceView(cloud: Cloud, vm: SingleVm): Json {
    const set = vm.model.availabilitySetId?.toLowerCase();
    const peers = cloud.fleet.singles.all().filter(({ model }) => model.availabilitySetId?.toLowerCase() === set);
    const { platformFaultDomainCount = 1, platformUpdateDomainCount = 1 } = (cloud.availabilitySets.get(set ?? "")?.wire
        .properties ?? {}) as { platformFaultDomainCount?: number; platformUpdateDomainCount?: number };
    const index = peers.indexOf(vm);
    return {
        ...(set !== undefined && {
            platformUpdateDomain: index % platformUpdateDomainCount,
            platformFaultDomain: index % platformFaultDomainCount,
        }),
        ...guestView(cloud, vm),
    };
}
