// The Azure Disk CSI driver's own calls of Azure: plain requests with the driver's own identity, which needs rights
// like any other.
import type { IncomingHttpHeaders } from "node:http";
import { request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { Principal } from "../azure/rbac";
import type { Machines } from "./machines";

const VM_VERSION = "2024-11-01";
const DISK_VERSION = "2024-03-02";
const POLL_MS = 50;

/** A data disk of a VM's model. */
interface DataDisk {
    lun: number;
    toBeDetached?: boolean;
    managedDisk?: { id?: string };
    [member: string]: unknown;
}

interface VmModel {
    location: string;
    etag?: string;
    properties: { storageProfile: { osDisk: object; dataDisks: DataDisk[] } };
}

interface Answer {
    status: number;
    headers: IncomingHttpHeaders;
    body: unknown;
    text: string;
}

/** What Azure answered to the driver, as the driver passes it on. */
export class DriverError extends Error {
    constructor(code: "Unknown" | "NotFound" | "Internal", description: string) {
        super(`rpc error: code = ${code} desc = ${description}`);
    }
}

/** Attaches and detaches disks by the VM's model, as the driver does. */
export class DiskDriverArm {
    /** Writes of one VM's model come one after the other. */
    private readonly queues = new Map<string, Promise<unknown>>();

    constructor(
        private readonly machines: Machines,
        private readonly principal: Principal,
    ) {}

    /** Attaches the disk at the first free LUN, or finds it attached; the LUN. Throws DriverError. */
    attach(diskId: string, vmId: string, node: string): Promise<number> {
        return this.inTurn(vmId, async () => {
            const what = `Attach volume ${diskId} to instance ${node}`;
            const disk = await this.send("GET", `${diskId}?api-version=${DISK_VERSION}`);
            if (disk.status === 404) {
                throw new DriverError("NotFound", `Volume not found, failed with error: ${disk.text}`);
            }
            if (disk.status !== 200) {
                throw failure(what, disk);
            }
            const model = await this.model(vmId, what);
            const { dataDisks, osDisk } = model.properties.storageProfile;
            const there = dataDisks.find((one) => isDisk(one, diskId));
            if (there) {
                return there.lun;
            }
            const added = {
                lun: firstFree(dataDisks),
                createOption: "Attach",
                caching: "ReadOnly",
                managedDisk: { id: diskId },
            };
            await this.write(vmId, model, { osDisk, dataDisks: [...dataDisks, added] }, what);
            return added.lun;
        });
    }

    /** Takes the disk off the VM; nothing happens if the VM or the disk on it is gone. Throws DriverError. */
    detach(diskId: string, vmId: string, node: string): Promise<void> {
        return this.inTurn(vmId, async () => {
            const what = `Could not detach volume ${diskId} from node ${node}`;
            const found = await this.send("GET", `${vmId}?api-version=${VM_VERSION}`);
            if (found.status === 404) {
                return;
            }
            if (found.status !== 200) {
                throw failure(what, found);
            }
            const model = found.body as VmModel;
            const { dataDisks, osDisk } = model.properties.storageProfile;
            if (!dataDisks.some((one) => isDisk(one, diskId))) {
                return;
            }
            const marked = dataDisks.map((one) => (isDisk(one, diskId) ? { ...one, toBeDetached: true } : one));
            await this.write(vmId, model, { osDisk, dataDisks: marked }, what);
        });
    }

    private async model(vmId: string, what: string): Promise<VmModel> {
        const found = await this.send("GET", `${vmId}?api-version=${VM_VERSION}`);
        if (found.status !== 200) {
            throw failure(what, found);
        }
        return found.body as VmModel;
    }

    private async write(
        vmId: string,
        { location, etag }: VmModel,
        storageProfile: object,
        what: string,
    ): Promise<void> {
        const body = { location, properties: { storageProfile } };
        const accepted = await this.send("PUT", `${vmId}?api-version=${VM_VERSION}`, body, etag);
        if (accepted.status >= 300) {
            throw failure(what, accepted);
        }
        const operation = new URL(String(accepted.headers["azure-asyncoperation"]));
        for (;;) {
            const state = await this.send("GET", operation.pathname + operation.search);
            const { status } = state.body as { status?: string };
            if (status === "Succeeded") {
                return;
            }
            if (status !== "InProgress") {
                throw failure(what, state);
            }
            await sleep(POLL_MS);
        }
    }

    private async send(method: string, path: string, body?: unknown, etag?: string): Promise<Answer> {
        const { url, ca, tokens } = this.machines;
        const token = await tokens.issue(this.principal, "https://management.azure.com");
        const headers = {
            authorization: `Bearer ${token}`,
            "user-agent": "azuredisk-csi-driver",
            ...(body !== undefined && { "content-type": "application/json" }),
            ...(etag !== undefined && { "if-match": etag }),
        };
        return new Promise((resolve, reject) => {
            const call = request(url + path, { method, headers, ca }, (answer) => {
                const chunks: Buffer[] = [];
                answer.on("data", (chunk: Buffer) => chunks.push(chunk));
                answer.on("error", reject);
                answer.on("end", () => {
                    const text = Buffer.concat(chunks).toString("utf8");
                    const parsed: unknown = text === "" ? undefined : JSON.parse(text);
                    resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: parsed, text });
                });
            });
            call.on("error", reject);
            call.end(body === undefined ? undefined : JSON.stringify(body));
        });
    }

    private inTurn<T>(vmId: string, work: () => Promise<T>): Promise<T> {
        const result = (this.queues.get(vmId) ?? Promise.resolve()).then(work);
        this.queues.set(
            vmId,
            result.catch(() => undefined),
        );
        return result;
    }
}

function isDisk(disk: DataDisk, id: string): boolean {
    return disk.managedDisk?.id?.toLowerCase() === id.toLowerCase();
}

function firstFree(disks: DataDisk[]): number {
    let lun = 0;
    while (disks.some((disk) => disk.lun === lun)) {
        lun += 1;
    }
    return lun;
}

function failure(what: string, { status, body }: Answer): DriverError {
    const raw = JSON.stringify(body);
    return new DriverError(
        "Unknown",
        `${what} failed with Retriable: false, RetryAfter: 0s, HTTPStatusCode: ${status}, RawError: ${raw}`,
    );
}
