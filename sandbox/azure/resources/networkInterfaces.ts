// Network interfaces of single VMs: private addresses, and whose they are. Subnets and load balancers are taken by
// their ids as they are.
import { randomUUID } from "node:crypto";
import type { Cloud } from "../cloud";
import { ArmError, missingParameter } from "../http/errors";
import { BodySchema, oneOf, type Shape } from "../http/schema";
import type { Answer, Call, Route } from "../http/route";
import type { Json } from "../machineModel";
import { bodyLinks } from "../model/links";
import { ownerOfInterface } from "../model/virtualMachineRules";
import { normalLocation } from "../regions";
import type { Stored, Wire } from "../wire";
import { NETWORK, accept, acceptDelete, checkLocation, find, listed, networkIdOf, view } from "./common";

const id: Shape = { id: "string" };
const readOnly = (...names: string[]): Record<string, Shape> =>
    Object.fromEntries(names.map((name) => [name, "readOnly"]));
const resource: Shape = { id: "string", name: "readOnly", type: "readOnly", etag: "readOnly", properties: "any" };

const ipConfiguration: Shape = {
    name: "string",
    ...readOnly("id", "etag", "type"),
    properties: {
        subnet: resource,
        primary: "boolean",
        privateIPAddress: "string",
        privateIPAllocationMethod: oneOf("Dynamic", "Static"),
        privateIPAddressVersion: oneOf("IPv4", "IPv6"),
        publicIPAddress: { ...resource, location: "string" },
        loadBalancerBackendAddressPools: [resource],
        loadBalancerInboundNatRules: [resource],
        applicationGatewayBackendAddressPools: [resource],
        applicationSecurityGroups: [resource],
        ...readOnly("provisioningState", "privateLinkConnectionProperties"),
    },
};

const schema = new BodySchema("NetworkInterface", {
    ...readOnly("name", "type", "etag"),
    ...id,
    location: "string",
    tags: { "*": "string" },
    extendedLocation: "any",
    properties: {
        ipConfigurations: [ipConfiguration],
        networkSecurityGroup: resource,
        dnsSettings: {
            dnsServers: ["string"],
            internalDnsNameLabel: "string",
            ...readOnly("appliedDnsServers", "internalDomainNameSuffix", "internalFqdn"),
        },
        ...{ enableAcceleratedNetworking: "boolean", enableIPForwarding: "boolean" },
        ...{ disableTcpStateTracking: "boolean", auxiliaryMode: "string", auxiliarySku: "string" },
        nicType: oneOf("Standard", "Elastic"),
        ...readOnly(
            "virtualMachine",
            "macAddress",
            "primary",
            "provisioningState",
            "resourceGuid",
            "tapConfigurations",
        ),
        ...readOnly("hostedWorkloads", "vnetEncryptionSupported", "privateEndpoint", "privateLinkService"),
    },
});

/** A configuration of an interface, as far as addresses go. */
interface IpConfiguration {
    name: string;
    properties: {
        subnet?: { id: string };
        primary?: boolean;
        privateIPAddress?: string;
        privateIPAllocationMethod?: string;
        privateIPAddressVersion?: string;
    };
}

const configurations = ({ wire }: Stored) => (wire.properties.ipConfigurations ?? []) as IpConfiguration[];
const idOfInterface = (call: Call) => networkIdOf(call, "networkInterfaces", "networkInterfaceName");

/** A network interface with its addresses, from a request body. Throws what the network service refuses. */
export function newNetworkInterface(cloud: Cloud, id: string, body: Json): Stored {
    const given = structuredClone((body.properties ?? {}) as Json);
    const wanted = (given.ipConfigurations ?? []) as IpConfiguration[];
    if (wanted.length === 0) {
        throw missingParameter("ipConfigurations");
    }
    const wire: Wire = {
        ...{ name: id.slice(id.lastIndexOf("/") + 1), id, etag: etag() },
        properties: {
            ...{ provisioningState: "Succeeded", resourceGuid: randomUUID() },
            ...given,
            ipConfigurations: [],
            dnsSettings: { dnsServers: [], ...(given.dnsSettings as Json | undefined), appliedDnsServers: [] },
            enableAcceleratedNetworking: given.enableAcceleratedNetworking ?? false,
            enableIPForwarding: given.enableIPForwarding ?? false,
            ...{ vnetEncryptionSupported: false, hostedWorkloads: [], tapConfigurations: [], nicType: "Standard" },
        },
        type: "Microsoft.Network/networkInterfaces",
        location: normalLocation(String(body.location)),
        ...(body.tags !== undefined && { tags: body.tags as Record<string, string> }),
    };
    const stored: Stored = { id, wire };
    const others = cloud.networkInterfaces.all().filter((one) => one.id.toLowerCase() !== id.toLowerCase());
    wire.properties.ipConfigurations = wanted.map((one, index) => configured(id, one, index, others));
    return stored;
}

function configured(id: string, wanted: IpConfiguration, index: number, others: Stored[]): IpConfiguration {
    const { subnet, privateIPAddress, privateIPAllocationMethod = "Dynamic" } = wanted.properties;
    const configurationId = `${id}/ipConfigurations/${wanted.name}`;
    if (subnet?.id === undefined) {
        const message = `Subnet reference is required for ipconfiguration ${configurationId}.`;
        throw new ArmError(400, "SubnetIsRequired", message);
    }
    const taken = addressesIn(subnet.id, others);
    if (privateIPAllocationMethod === "Static" && privateIPAddress !== undefined && taken.has(privateIPAddress)) {
        const message = `IP configuration ${configurationId} is using the same private IP address ${privateIPAddress} as IP configuration ${taken.get(privateIPAddress)}.`;
        throw new ArmError(400, "PrivateIPAddressInUse", message);
    }
    const free = privateIPAllocationMethod === "Static" ? privateIPAddress : firstFree(taken, index);
    return {
        ...wanted,
        ...{ id: configurationId, etag: etag(), type: "Microsoft.Network/networkInterfaces/ipConfigurations" },
        properties: {
            ...wanted.properties,
            ...{ provisioningState: "Succeeded", privateIPAddress: free, privateIPAllocationMethod },
            primary: wanted.properties.primary ?? index === 0,
            privateIPAddressVersion: wanted.properties.privateIPAddressVersion ?? "IPv4",
        },
    };
}

/** Addresses that are taken in a subnet, each with the configuration that has it. */
function addressesIn(subnetId: string, interfaces: Stored[]): Map<string, string> {
    const inSubnet = interfaces.flatMap((one) =>
        configurations(one)
            .filter(({ properties }) => properties.subnet?.id.toLowerCase() === subnetId.toLowerCase())
            .map(({ name, properties }): [string, string] => [
                properties.privateIPAddress ?? "",
                `${one.id}/ipConfigurations/${name}`,
            ]),
    );
    return new Map(inSubnet);
}

/** Azure keeps the first three addresses and the network's own to itself; a further configuration takes the next. */
function firstFree(taken: Map<string, string>, skip: number): string {
    let left = skip;
    for (let number = 4; ; number++) {
        const address = `10.1.${number >> 8}.${number & 255}`;
        if (!taken.has(address) && left-- === 0) {
            return address;
        }
    }
}

const etag = () => `W/"${randomUUID()}"`;

/** An interface of a machine says whose it is. */
function shown(cloud: Cloud, stored: Stored): Wire {
    const wire = view(stored);
    const vm = ownerOfInterface(cloud, stored.id);
    if (vm) {
        const own = vm.model.networkInterfaces.find((one) => one.id.toLowerCase() === stored.id.toLowerCase());
        const primary = own?.properties?.primary ?? true;
        Object.assign(wire.properties, { virtualMachine: { id: vm.id }, primary });
    }
    return wire;
}

function put(call: Call): Answer {
    const { cloud, body, params } = call;
    const id = idOfInterface(call);
    const existing = cloud.networkInterfaces.get(id);
    checkLocation(existing?.wire, body.location, params.resourceGroupName);
    const stored = newNetworkInterface(cloud, id, body);
    if (existing) {
        stored.wire.properties.resourceGuid = existing.wire.properties.resourceGuid;
    }
    cloud.networkInterfaces.set(stored);
    return accept({
        ...{ call, stored, status: existing ? 200 : 201, body: shown(cloud, stored) },
        operation: { kind: "networkOperations", milliseconds: cloud.durations.network, notification: true },
    });
}

function remove(call: Call): Answer {
    const { cloud } = call;
    const id = idOfInterface(call);
    const stored = cloud.networkInterfaces.get(id);
    if (!stored) {
        return { status: 204 };
    }
    const vm = ownerOfInterface(cloud, id);
    if (vm) {
        // Text reported in terraform-provider-azurerm#8105.
        const message = `Network Interface ${id} is used by existing resource ${vm.id}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.`;
        throw new ArmError(400, "NicInUse", message);
    }
    const operation = { kind: "networkOperations", milliseconds: cloud.durations.network } as const;
    return acceptDelete(call, stored, operation, () => cloud.networkInterfaces.delete(id));
}

const path = `${NETWORK}/networkInterfaces/:networkInterfaceName`;
const action = (verb: string) => `Microsoft.Network/networkInterfaces/${verb}`;
const type = "network";

/** Routes of network interfaces. */
export const routes: Route[] = [
    { method: "PUT", path, action: action("write"), type, body: schema, linked: bodyLinks, handle: put },
    {
        ...{ method: "GET", path, action: action("read"), type },
        handle: ({ cloud, ...call }) => ({
            status: 200,
            body: shown(cloud, find({ cloud, ...call }, cloud.networkInterfaces, idOfInterface({ cloud, ...call }))),
        }),
    },
    { method: "DELETE", path, action: action("delete"), type, handle: remove },
    {
        ...{ method: "GET", path: `${NETWORK}/networkInterfaces`, action: action("read"), type },
        handle: (call) => ({
            status: 200,
            body: { value: listed(call, call.cloud.networkInterfaces).map((one) => shown(call.cloud, one)) },
        }),
    },
];
