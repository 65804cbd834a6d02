// What playing nodes needs to know of, and ask from, the local Azure.
import type { ScaleSet, Vm, VmEvent } from "../azure/types";

/** The machines that nodes run on. */
export interface Machines {
    vms(): Vm[];
    scaleSets(): ScaleSet[];
    /** Calls the listener after each event, when power and disk are final for it; returns how to stop that. */
    onVm(listener: (event: VmEvent) => void): () => void;
    /** The guest cut its own power. */
    stopVmFromInside(vmId: string): Promise<void>;
    /** The guest shuts down in order and comes back; ends when it has booted. */
    restartVm(vmId: string): Promise<void>;
}
