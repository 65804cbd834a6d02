// The network of the VMs as network.sh makes it: addresses, and the DHCP server that hands them out.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";

/** This machine, as the VMs see it. */
export const HOST_ADDRESS = "10.240.0.1";
/** Azure's instance metadata service. https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service */
export const METADATA_ADDRESS = "169.254.169.254";
/** Azure's wire server. https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16 */
export const WIRE_SERVER_ADDRESS = "168.63.129.16";

const PORTS = [4, 5, 6, 7, 8, 9];

/** The place of one VM in the network. */
export interface NetworkPort {
    tap: string;
    mac: string;
    address: string;
}

/** The places there are, one for each VM that runs at the same time. */
export const networkPorts: NetworkPort[] = PORTS.map((host) => ({
    tap: `tap${host}`,
    mac: `52:54:00:00:00:0${host}`,
    address: `10.240.0.${host}`,
}));

/** Whether this process runs inside the network. */
export function insideNetwork(): boolean {
    return process.env.KAMINO_VM_NETWORK === "inside";
}

/**
 * Starts the DHCP server of the network: each VM gets the address of its place.
 *
 * @param log file that takes what it says
 * @returns what stops it
 */
export function startDhcp(log: string): () => void {
    const wireServer = WIRE_SERVER_ADDRESS.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
    const child = spawn(
        "dnsmasq",
        [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--user=root",
            "--interface=vnet",
            "--bind-interfaces",
            "--no-resolv",
            "--no-hosts",
            "--leasefile-ro",
            "--dhcp-range=10.240.0.0,static,1h",
            "--dhcp-authoritative",
            `--dhcp-option=option:router,${HOST_ADDRESS}`,
            // As Azure says where the wire server is.
            `--dhcp-option=245,${wireServer.join(":")}`,
            ...networkPorts.map(({ mac, address }) => `--dhcp-host=${mac},${address}`),
        ],
        { stdio: ["ignore", "pipe", "pipe"] },
    );
    const file = createWriteStream(log);
    child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
    return () => void child.kill();
}
