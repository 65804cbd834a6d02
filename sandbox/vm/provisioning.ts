// The disk with which Azure tells a new Linux VM who it is, and the metadata service that it asks.
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { METADATA_ADDRESS, WIRE_SERVER_ADDRESS } from "./network";

const run = promisify(execFile);

/** What Azure says of a VM to its guest. */
export interface Provisioning {
    /** Host name. */
    name: string;
    /** The VM's unique id, which its firmware shows too. */
    vmId: string;
    /** What cloud-init runs, if anything. */
    customData?: string;
}

/**
 * Makes the disk with `ovf-env.xml`.
 *
 * @returns the disk's path
 */
export async function provisioningDisk(directory: string, { name, customData }: Provisioning): Promise<string> {
    const folder = join(directory, `${name}.provisioning`);
    mkdirSync(folder, { recursive: true });
    const element = (tag: string, value: string) => `<wa:${tag}>${value}</wa:${tag}>`;
    const linux = [
        element("ConfigurationSetType", "LinuxProvisioningConfiguration"),
        element("HostName", name),
        element("UserName", "azureuser"),
        element("DisableSshPasswordAuthentication", "true"),
        customData ? element("CustomData", Buffer.from(customData).toString("base64")) : "",
    ].join("");
    const settings = element("KmsServerHostname", "kms.core.windows.net") + element("ProvisionGuestAgent", "false");
    writeFileSync(
        join(folder, "ovf-env.xml"),
        `<?xml version="1.0" encoding="utf-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:wa="http://schemas.microsoft.com/windowsazure">
<wa:ProvisioningSection><wa:Version>1.0</wa:Version><wa:LinuxProvisioningConfigurationSet>${linux}</wa:LinuxProvisioningConfigurationSet></wa:ProvisioningSection>
<wa:PlatformSettingsSection><wa:Version>1.0</wa:Version><wa:PlatformSettings>${settings}</wa:PlatformSettings></wa:PlatformSettingsSection>
</Environment>
`,
    );
    const disk = join(directory, `${name}.iso`);
    await run("xorriso", ["-as", "mkisofs", "-quiet", "-V", "OVF", "-J", "-r", "-o", disk, folder]);
    return disk;
}

/** Answers as Azure does to the guests of these VMs. */
export interface MetadataService {
    /** Lets the VM at this address ask. */
    add(address: string, vm: Provisioning & { mac: string }): void;
    /** Names of the VMs that have reported themselves ready, in order. */
    readonly reportedReady: string[];
    close(): void;
}

/** Starts the instance metadata service and the part of the wire server that cloud-init asks. */
export async function startMetadataService(publicKey: string): Promise<MetadataService> {
    const vms = new Map<string, Provisioning & { mac: string }>();
    const reportedReady: string[] = [];
    const answer = (request: IncomingMessage, response: ServerResponse) => {
        const address = request.socket.remoteAddress?.replace("::ffff:", "") ?? "";
        const vm = vms.get(address);
        const url = request.url?.toLowerCase() ?? "";
        request.resume();
        const send = (type: string, body: string, status = 200) =>
            response.writeHead(status, { "Content-Type": type }).end(body);
        if (!vm) {
            send("text/plain", "unknown VM", 404);
        } else if (url.startsWith("/metadata/instance")) {
            send("application/json", JSON.stringify(instance(vm, address, publicKey)));
        } else if (url.includes("comp=versions")) {
            send("text/xml", VERSIONS);
        } else if (url.includes("comp=goalstate")) {
            send("text/xml", goalState(vm));
        } else if (url.includes("comp=health")) {
            reportedReady.push(vm.name);
            send("text/xml", "");
        } else {
            send("text/plain", "not found", 404);
        }
    };
    const servers = await Promise.all(
        [METADATA_ADDRESS, WIRE_SERVER_ADDRESS].map(async (address) => {
            const server = createServer(answer);
            await new Promise<void>((resolve, reject) => {
                server.once("error", reject);
                server.listen(80, address, resolve);
            });
            return server;
        }),
    );
    return {
        add: (address, vm) => void vms.set(address, vm),
        reportedReady,
        close: () => servers.forEach((server) => server.close()),
    };
}

// https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service#sample-2-retrieving-all-metadata
function instance({ name, vmId, mac }: Provisioning & { mac: string }, address: string, publicKey: string) {
    return {
        compute: {
            azEnvironment: "AzurePublicCloud",
            location: "westeurope",
            name,
            vmId,
            resourceGroupName: "pools",
            subscriptionId: "00000000-0000-0000-0000-000000000000",
            vmSize: "Standard_D2s_v3",
            tags: "",
            osProfile: { adminUsername: "azureuser", computerName: name, disablePasswordAuthentication: "true" },
            publicKeys: [{ keyData: publicKey, path: "/home/azureuser/.ssh/authorized_keys" }],
            userData: "",
        },
        network: {
            interface: [
                {
                    ipv4: {
                        ipAddress: [{ privateIpAddress: address, publicIpAddress: "" }],
                        subnet: [{ address: "10.240.0.0", prefix: "24" }],
                    },
                    ipv6: { ipAddress: [] },
                    macAddress: mac.replaceAll(":", "").toUpperCase(),
                },
            ],
        },
    };
}

const VERSIONS = `<?xml version="1.0" encoding="utf-8"?>
<Versions><Preferred><Version>2015-04-05</Version></Preferred><Supported><Version>2015-04-05</Version><Version>2012-11-30</Version></Supported></Versions>`;

function goalState({ name, vmId }: Provisioning): string {
    return `<?xml version="1.0" encoding="utf-8"?>
<GoalState><Version>2012-11-30</Version><Incarnation>1</Incarnation><Machine><ExpectedState>Started</ExpectedState></Machine>
<Container><ContainerId>${vmId}</ContainerId><RoleInstanceList><RoleInstance><InstanceId>${name}</InstanceId><State>Started</State><Configuration></Configuration></RoleInstance></RoleInstanceList></Container></GoalState>`;
}
