// The members of a scale set's request body, as the REST API specification lists them
// (Microsoft.Compute/virtualMachineScaleSets).
import { BodySchema, oneOf, type Shape } from "../http/schema";

const id: Shape = { id: "string" };
const text = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, "string"]));
const yes = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, "boolean"]));
const whole = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, "integer"]));
const set = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, "readOnly"]));
const any = (...names: string[]): Record<string, Shape> => Object.fromEntries(names.map((name) => [name, "any"]));

const caching = oneOf("None", "ReadOnly", "ReadWrite");
const createOption = oneOf("FromImage", "Empty", "Attach", "Copy", "Restore");
const managedDisk = {
    ...text("storageAccountType"),
    diskEncryptionSet: id,
    securityProfile: { securityEncryptionType: "string", diskEncryptionSet: id },
} satisfies Shape;

/** An OS profile without what names the machine. */
export const linuxOsProfile = {
    ...text("adminUsername", "adminPassword", "customData"),
    windowsConfiguration: "any",
    linuxConfiguration: {
        ...yes("disablePasswordAuthentication", "provisionVMAgent", "enableVMAgentPlatformUpdates"),
        ssh: { publicKeys: [text("path", "keyData")] },
        patchSettings: "any",
    },
    secrets: [{ sourceVault: id, vaultCertificates: [text("certificateUrl", "certificateStore")] }],
    ...yes("allowExtensionOperations", "requireGuestProvisionSignal"),
} satisfies Shape;

/** A storage profile without its data disks. */
export const storageShape = {
    imageReference: {
        ...text("id", "publisher", "offer", "sku", "version", "sharedGalleryImageId", "communityGalleryImageId"),
        ...set("exactVersion"),
    },
    osDisk: {
        ...text("name", "deleteOption"),
        caching,
        createOption,
        ...yes("writeAcceleratorEnabled"),
        diffDiskSettings: {
            option: oneOf("Local"),
            placement: oneOf("CacheDisk", "ResourceDisk", "NvmeDisk"),
            ...yes("enableFullCaching"),
        },
        ...whole("diskSizeGB"),
        osType: oneOf("Linux", "Windows"),
        image: { uri: "string" },
        vhdContainers: ["string"],
        managedDisk,
    },
    diskControllerType: oneOf("SCSI", "NVMe"),
    ...any("diskMode"),
} satisfies Shape;

const storageProfile: Shape = {
    ...storageShape,
    dataDisks: [
        {
            ...text("name", "deleteOption"),
            caching,
            createOption,
            ...yes("writeAcceleratorEnabled"),
            ...whole("lun", "diskSizeGB", "diskIOPSReadWrite", "diskMBpsReadWrite"),
            managedDisk,
        },
    ],
};

const ipConfiguration: Shape = {
    ...text("name"),
    ...set("id"),
    properties: {
        subnet: id,
        ...yes("primary"),
        publicIPAddressConfiguration: "any",
        privateIPAddressVersion: oneOf("IPv4", "IPv6"),
        applicationGatewayBackendAddressPools: [id],
        applicationSecurityGroups: [id],
        loadBalancerBackendAddressPools: [id],
        loadBalancerInboundNatPools: [id],
    },
};

const networkProfile: Shape = {
    healthProbe: id,
    networkInterfaceConfigurations: [
        {
            ...text("name"),
            tags: { "*": "string" },
            ...set("id"),
            properties: {
                ...yes(
                    "primary",
                    "enableAcceleratedNetworking",
                    "disableTcpStateTracking",
                    "enableFpga",
                    "enableIPForwarding",
                ),
                networkSecurityGroup: id,
                dnsSettings: { dnsServers: ["string"] },
                ipConfigurations: [ipConfiguration],
                ...text("deleteOption", "auxiliaryMode", "auxiliarySku"),
            },
        },
    ],
    ...text("networkApiVersion"),
};

const extensionProfile: Shape = {
    extensions: [
        {
            ...text("name"),
            ...set("id", "type"),
            properties: {
                ...text("forceUpdateTag", "publisher", "type", "typeHandlerVersion"),
                ...yes("autoUpgradeMinorVersion", "enableAutomaticUpgrade", "suppressFailures"),
                ...any("settings", "protectedSettings", "protectedSettingsFromKeyVault"),
                ...set("provisioningState"),
                provisionAfterExtensions: ["string"],
            },
        },
    ],
    ...text("extensionsTimeBudget"),
};

/** What a scale set's profile and a single VM's properties share besides disks, network and operating system. */
export const profileParts = {
    securityProfile: {
        uefiSettings: yes("secureBootEnabled", "vTpmEnabled"),
        ...yes("encryptionAtHost"),
        securityType: oneOf("Standard", "TrustedLaunch", "ConfidentialVM"),
        ...any("encryptionIdentity", "proxyAgentSettings"),
    },
    diagnosticsProfile: { bootDiagnostics: { ...yes("enabled"), ...text("storageUri") } },
    ...text("licenseType", "userData"),
    priority: oneOf("Regular", "Low", "Spot"),
    evictionPolicy: oneOf("Deallocate", "Delete"),
    billingProfile: { maxPrice: "number" },
    ...any("scheduledEventsProfile", "capacityReservation", "applicationProfile"),
} satisfies Shape;

const virtualMachineProfile: Shape = {
    osProfile: { ...linuxOsProfile, ...text("computerNamePrefix") },
    storageProfile,
    networkProfile,
    extensionProfile,
    ...profileParts,
    ...any("hardwareProfile", "serviceArtifactReference", "securityPostureReference"),
    ...set("timeCreated"),
};

export const planShape = text("name", "publisher", "product", "promotionCode");
export const identityShape = {
    type: oneOf("SystemAssigned", "UserAssigned", "SystemAssigned, UserAssigned", "None"),
    ...set("principalId", "tenantId"),
    userAssignedIdentities: { "*": set("principalId", "clientId") },
} satisfies Shape;

/** Body of a scale set's PUT and PATCH. */
export const scaleSetSchema = new BodySchema("VirtualMachineScaleSet", {
    ...set("id", "name", "type", "etag", "systemData"),
    ...text("location"),
    tags: { "*": "string" },
    sku: { ...text("name", "tier"), ...whole("capacity") },
    plan: planShape,
    identity: identityShape,
    zones: ["string"],
    extendedLocation: text("name", "type"),
    ...any("placement"),
    properties: {
        upgradePolicy: {
            mode: oneOf("Manual", "Automatic", "Rolling"),
            rollingUpgradePolicy: {
                ...whole(
                    "maxBatchInstancePercent",
                    "maxUnhealthyInstancePercent",
                    "maxUnhealthyUpgradedInstancePercent",
                ),
                ...text("pauseTimeBetweenBatches"),
                ...yes(
                    "enableCrossZoneUpgrade",
                    "prioritizeUnhealthyInstances",
                    "rollbackFailedInstancesOnPolicyBreach",
                    "maxSurge",
                ),
            },
            automaticOSUpgradePolicy: yes(
                "enableAutomaticOSUpgrade",
                "disableAutomaticRollback",
                "useRollingUpgradePolicy",
                "osRollingUpgradeDeferral",
            ),
        },
        ...any("scheduledEventsPolicy", "resiliencyPolicy", "priorityMixPolicy", "skuProfile"),
        automaticRepairsPolicy: { ...yes("enabled"), ...text("gracePeriod", "repairAction") },
        virtualMachineProfile,
        ...set("provisioningState", "uniqueId", "timeCreated"),
        ...yes(
            "overprovision",
            "doNotRunExtensionsOnOverprovisionedVMs",
            "singlePlacementGroup",
            "zoneBalance",
            "constrainedMaximumCapacity",
        ),
        ...whole("platformFaultDomainCount"),
        proximityPlacementGroup: id,
        hostGroup: id,
        additionalCapabilities: yes("ultraSSDEnabled", "hibernationEnabled"),
        scaleInPolicy: {
            rules: [oneOf("Default", "OldestVM", "NewestVM")],
            ...yes("forceDeletion", "prioritizeUnhealthyVMs"),
        },
        orchestrationMode: oneOf("Uniform", "Flexible"),
        spotRestorePolicy: { ...yes("enabled"), ...text("restoreTimeout") },
        ...text("zonalPlatformFaultDomainAlignMode", "highSpeedInterconnectPlacement"),
    },
});
