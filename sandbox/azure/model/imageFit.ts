// Generation, architecture, security type and purchase plan of a gallery image against machines that are to boot it.
import type { Cloud } from "../cloud";
import { ArmError, invalidParameter } from "../http/errors";
import { definitionOf, galleryVersion, type ImageReference } from "../images";
import type { Json, MachineModel } from "../machineModel";
import type { Stored } from "../wire";
import { vmSize } from "../vmSizes";

/** Throws what the compute service answers if machines could not boot the gallery image that their model names. */
export function checkImageFits(cloud: Cloud, model: MachineModel): void {
    const reference = (model.storageProfile.imageReference ?? {}) as ImageReference;
    const version = galleryVersion(cloud, reference, model.location);
    const definition = version && definitionOf(cloud, version)?.wire.properties;
    if (!definition) {
        return;
    }
    checkDiskFits(model, version);
    checkPatchMode(model);
    const size = vmSize(model.size);
    if (size && !size.generations.includes(String(definition.hyperVGeneration))) {
        const message = `The selected VM size '${model.size}' cannot boot Hypervisor Generation '${String(definition.hyperVGeneration).slice(1)}'.`;
        throw new ArmError(400, "BadRequest", message);
    }
    const controllers = featureOf(definition, "DiskControllerTypes") ?? "SCSI";
    const wanted = model.storageProfile.diskControllerType as string | undefined;
    const usable = size?.controllers.filter((one) => wanted === undefined || one === wanted) ?? [];
    if (size && !usable.some((one) => controllers.includes(one))) {
        // Without the feature the service takes SCSI alone for granted (image-builder#1875, packer-plugin-azure#521).
        const message =
            `The VM size '${model.size}' cannot boot with OS image or disk. Please check that disk controller types supported by ` +
            `the OS image or disk is one of the supported disk controller types for the VM size '${model.size}'. Please query sku ` +
            "api at https://aka.ms/azure-compute-skus to determine supported disk controller types for the VM size.";
        throw invalidParameter("vmSize", message);
    }
    if (size && size.architecture !== (definition.architecture ?? "x64")) {
        throw new ArmError(
            400,
            "BadRequest",
            `Cannot create a VM of size '${model.size}' because this VM size only supports a CPU Architecture of '${size.architecture}', but an image or disk with CPU Architecture '${String(definition.architecture)}' was given.`,
        );
    }
    if (definition.osState === "Specialized" && Object.keys(model.osProfile).length > 0) {
        throw invalidParameter("osProfile", "Parameter 'osProfile' is not allowed.");
    }
    if (definition.purchasePlan && !model.plan) {
        const message =
            "Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image requires Plan information in the request.";
        throw new ArmError(400, "VMMarketplaceInvalidInput", message);
    }
    const security = model.securityProfile.securityType;
    const feature = featureOf(definition, "SecurityType");
    if (security === "TrustedLaunch" && !feature?.startsWith("TrustedLaunch")) {
        throw new ArmError(
            400,
            "BadRequest",
            `Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted Launch Supported Gallery Image.`,
        );
    }
    if (feature === "TrustedLaunch" && security !== "TrustedLaunch") {
        throw new ArmError(
            400,
            "BadRequest",
            `The provided gallery image only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' security type.`,
        );
    }
}

/** Text reported in terraform-provider-azurerm#20224. */
function checkDiskFits({ storageProfile }: MachineModel, version: Stored): void {
    const { osDiskImage } = version.wire.properties.storageProfile as { osDiskImage?: { sizeInGB?: number } };
    const { diskSizeGB } = (storageProfile.osDisk ?? {}) as { diskSizeGB?: number };
    const least = osDiskImage?.sizeInGB ?? 0;
    if (diskSizeGB === undefined || diskSizeGB >= least) {
        return;
    }
    const message =
        `The specified disk size ${diskSizeGB} GB is smaller than the size of the corresponding disk in the VM image: ${least} GB. ` +
        "This is not allowed. Please choose equal or greater size or do not specify an explicit size.";
    throw new ArmError(409, "OperationNotAllowed", message, { target: "osDisk.diskSizeGB" });
}

/**
 * Azure patches and assesses VMs of its own list of marketplace images alone (MicrosoftDocs/azure-docs#127493). Here a
 * model is refused as well as a VM: whether Azure takes the model and refuses each VM of it is not known.
 */
function checkPatchMode({ osProfile }: MachineModel): void {
    const linux = (osProfile.linuxConfiguration ?? {}) as { patchSettings?: Json };
    const { patchMode, assessmentMode } = linux.patchSettings ?? {};
    if (patchMode === "AutomaticByPlatform" || assessmentMode === "AutomaticByPlatform") {
        const message = "The selected VM image is not supported for VM Guest patch operations.";
        throw invalidParameter("osProfile.linuxConfiguration.patchSettings", message);
    }
}

/** Value of a feature of an image definition. */
export function featureOf(definition: Json, wanted: string): string | undefined {
    const features = (definition.features ?? []) as { name: string; value: string }[];
    return features.find(({ name }) => name === wanted)?.value;
}
