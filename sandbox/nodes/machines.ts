// What playing nodes needs to know of, and ask from, the local Azure.
import type { TokenService } from "../azure/http/tokens";
import type { Principals } from "../azure/rbac";
import type { Vm, VmEvent } from "../azure/types";

/** The machines that nodes run on. */
export interface Machines {
    vms(): Vm[];
    /** Calls the listener after each event, when power and disk are final for it; returns how to stop that. */
    onVm(listener: (event: VmEvent) => void): () => void;
    /** The guest cut its own power. */
    stopVmFromInside(vmId: string): Promise<void>;
    /** Folder of a disk's files. */
    diskFolder(diskId: string): string | undefined;
    /** Where Azure's API answers, for the disk driver, and who may ask it. */
    readonly url: string;
    readonly ca: string;
    readonly principals: Principals;
    readonly tokens: TokenService;
    /** The guest shuts down in order and comes back; ends when it has booted. */
    restartVm(vmId: string): Promise<void>;
}
