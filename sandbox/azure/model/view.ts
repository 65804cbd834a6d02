// What a GET of a scale set shows: not its secrets, and only what the api-version asked for knows.
import type { Wire } from "../wire";
import { isObject } from "../resources/common";
import type { Json, ScaleSetRecord } from "../scaleSetRecord";

/** The resource as it is sent, in the recorded order of members. */
export function scaleSetView(record: ScaleSetRecord, apiVersion: string): Json {
    const { name, id, type, location, tags, identity, sku, zones, plan, properties, ...rest } = structuredClone(
        record.wire,
    );
    const profile = properties.virtualMachineProfile as Json | undefined;
    if (profile) {
        profileView(profile, apiVersion);
    }
    if (apiVersion <= "2021-11-01") {
        delete properties.orchestrationMode;
    }
    return {
        ...{ name, id, type, location, tags },
        ...(identity !== undefined && { identity }),
        sku,
        // Not seen between 2022-03-01 (absent) and 2023-09-01 (present).
        ...(apiVersion >= "2023-09-01" && { etag: record.etag }),
        properties,
        ...(plan !== undefined && { plan }),
        ...rest,
        ...(zones !== undefined && { zones }),
    };
}

function profileView(profile: Json, apiVersion: string): void {
    hideSecrets(profile);
    if (apiVersion < "2023-09-01") {
        delete profile.timeCreated;
    }
    // `Standard` is shown from 2025-11-01 on only; other types always.
    const security = profile.securityProfile;
    if (isObject(security) && security.securityType === "Standard" && apiVersion < "2025-11-01") {
        delete security.securityType;
        if (Object.keys(security).length === 0) {
            delete profile.securityProfile;
        }
    }
    for (const nic of ((profile.networkProfile as Json | undefined)?.networkInterfaceConfigurations ?? []) as {
        properties: Json;
    }[]) {
        if (apiVersion <= "2022-03-01") {
            nic.properties.enableAcceleratedNetworking ??= false;
        }
    }
}

/** Takes out what the service never gives back: custom data, the password, protected settings, user data. */
export function hideSecrets(profile: Json): void {
    if (isObject(profile.osProfile)) {
        delete profile.osProfile.customData;
        delete profile.osProfile.adminPassword;
    }
    delete profile.userData;
    for (const extension of ((profile.extensionProfile as Json | undefined)?.extensions ?? []) as {
        properties: Json;
    }[]) {
        delete extension.properties.protectedSettings;
    }
}

/** The OS profile of an instance: the set's, with its own computer name. */
export function instanceOsProfile(wire: Wire, computerName: string): Json {
    const profile = structuredClone((wire.properties.virtualMachineProfile ?? {}) as Json);
    hideSecrets(profile);
    const os = { computerName, ...((profile.osProfile ?? {}) as Json) } as Json;
    delete os.computerNamePrefix;
    return os;
}
