// What the service adds to a scale set's model that its creator left out (azure-cli's and ASO's recordings), by the
// sets it applies to.
import { randomUUID } from "node:crypto";
import type { Cloud } from "../cloud";
import { imageSizeGB, type ImageReference } from "../images";
import type { Wire } from "../wire";
import { normalLocation } from "../regions";
import { isObject } from "../resources/common";
import type { Json } from "../scaleSetRecord";
import { timestamp } from "../timestamp";

/** A member of an object as an object, made if it is not there. */
export function child(parent: Json, name: string): Json {
    if (!isObject(parent[name])) {
        parent[name] = {};
    }
    return parent[name] as Json;
}

/** The stored model of a new scale set. */
export function newScaleSet(cloud: Cloud, id: string, body: Json): Wire {
    const model = structuredClone(body);
    const now = timestamp(cloud.now());
    const wire = {
        id,
        name: id.split("/").pop() ?? "",
        type: "Microsoft.Compute/virtualMachineScaleSets",
        ...model,
    } as unknown as Wire;
    wire.location = normalLocation(String(body.location));
    wire.properties ??= {};
    addDefaults(cloud, wire);
    Object.assign(wire.properties, { uniqueId: randomUUID(), timeCreated: now });
    if (isObject(wire.properties.virtualMachineProfile)) {
        wire.properties.virtualMachineProfile.timeCreated = now;
    }
    return wire;
}

/**
 * Fills in what is missing; also run after an update, since a PUT may add a NIC or an identity that lacks its defaults.
 */
export function addDefaults(cloud: Cloud, wire: Wire): void {
    const { properties } = wire;
    wire.tags ??= {};
    properties.orchestrationMode ??= "Uniform";
    const uniform = properties.orchestrationMode === "Uniform";
    const hasModel = uniform || isObject(properties.virtualMachineProfile);
    const sku = hasModel ? child(wire, "sku") : ((wire.sku ?? {}) as Json);
    sku.tier ??= "Standard";
    if (!uniform) {
        properties.singlePlacementGroup ??= false;
        properties.constrainedMaximumCapacity ??= false;
    } else {
        properties.overprovision ??= true;
        properties.doNotRunExtensionsOnOverprovisionedVMs ??= false;
        properties.singlePlacementGroup ??= true;
        child(properties, "upgradePolicy").mode ??= "Manual";
    }
    properties.platformFaultDomainCount ??= uniform && !(wire.zones as string[] | undefined)?.length ? 5 : 1;
    const rolling = (properties.upgradePolicy as Json | undefined)?.rollingUpgradePolicy;
    if (isObject(rolling)) {
        rolling.maxBatchInstancePercent ??= 20;
        rolling.maxUnhealthyInstancePercent ??= 20;
        rolling.maxUnhealthyUpgradedInstancePercent ??= 20;
        rolling.pauseTimeBetweenBatches ??= "PT0S";
    }
    addIdentity(cloud, wire);
    if (!hasModel) {
        return;
    }
    const profile = child(properties, "virtualMachineProfile");
    if (isObject(profile.osProfile)) {
        addOsDefaults(profile.osProfile);
        if (!uniform && isObject(profile.osProfile.linuxConfiguration)) {
            profile.osProfile.linuxConfiguration.patchSettings ??= {
                ...{ patchMode: "ImageDefault", assessmentMode: "ImageDefault" },
            };
        }
    }
    addDiskDefaults(cloud, child(profile, "storageProfile"), String(sku.name), uniform);
    addNetworkDefaults(child(profile, "networkProfile"), uniform);
}

/** What an OS profile has at least. */
export function addOsDefaults(os: Json): void {
    os.secrets ??= [];
    os.allowExtensionOperations ??= true;
    os.requireGuestProvisionSignal ??= true;
    if (isObject(os.linuxConfiguration)) {
        os.linuxConfiguration.provisionVMAgent ??= true;
    }
}

/**
 * The account type of a disk that names none follows the size's class: sizes with an "s" take premium storage
 * (recorded: null on Standard_D2s_v3 became Premium_LRS).
 */
export function defaultAccountType(size: string): string {
    return /^Standard_[A-Z]+\d+[a-z]*s(_|$)/i.test(size) ? "Premium_LRS" : "Standard_LRS";
}

function addDiskDefaults(cloud: Cloud, storage: Json, size: string, uniform: boolean): void {
    const disk = child(storage, "osDisk");
    disk.osType ??= "Linux";
    disk.createOption ??= "FromImage";
    disk.caching ??= "None";
    child(disk, "managedDisk").storageAccountType ??= defaultAccountType(size);
    disk.diskSizeGB ??= imageSizeGB(cloud, storage.imageReference as ImageReference);
    if (!uniform) {
        disk.deleteOption ??= "Delete";
    }
}

function addNetworkDefaults(network: Json, uniform: boolean): void {
    for (const nic of (network.networkInterfaceConfigurations ?? []) as Json[]) {
        const properties = child(nic, "properties");
        properties.disableTcpStateTracking ??= false;
        properties.enableIPForwarding ??= false;
        child(properties, "dnsSettings").dnsServers ??= [];
        for (const ip of (properties.ipConfigurations ?? []) as Json[]) {
            child(ip, "properties").privateIPAddressVersion ??= "IPv4";
        }
        if (!uniform) {
            addFlexibleNetworkDefaults(properties);
        }
    }
}

/** What an interface has in a Flexible set alone (recorded). */
function addFlexibleNetworkDefaults(properties: Json): void {
    properties.auxiliaryMode ??= "None";
    properties.auxiliarySku ??= "None";
    properties.deleteOption ??= "Delete";
    for (const ip of (properties.ipConfigurations ?? []) as Json[]) {
        const of = child(ip, "properties");
        of.applicationSecurityGroups ??= [];
        of.applicationGatewayBackendAddressPools ??= [];
    }
}

/** Principal ids of the identities that are given; a null value takes one away. */
export function addIdentity(cloud: Cloud, wire: Wire): void {
    const { identity } = wire;
    if (!isObject(identity)) {
        return;
    }
    if (String(identity.type).includes("SystemAssigned")) {
        identity.principalId ??= randomUUID();
        identity.tenantId ??= cloud.tenantId;
    }
    const assigned = (identity.userAssignedIdentities ?? {}) as Record<string, Json | null>;
    for (const [id, value] of Object.entries(assigned)) {
        if (value === null) {
            delete assigned[id];
        } else if (!value.principalId) {
            Object.assign(value, { principalId: randomUUID(), clientId: randomUUID() });
        }
    }
}
