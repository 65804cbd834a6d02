// What VM extensions do on a machine: scripts set up its node, Cluster API's tells whether that has been done, and
// markers such as AKS Engine's billing extension do nothing.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isBootstrapped, runScript } from "./guest";
import { mayRegister } from "./kubeadm";
import type { Json } from "./machineModel";
import type { VmExtension, VmRecord } from "./vmRecord";

/** What cloud-init leaves when it has joined, for which CAPZ's extension waits. */
const BOOTSTRAP_DONE = "run/cluster-api/bootstrap-success.complete";

/** Whether an extension runs a script of its settings. */
export function isScript({ properties }: VmExtension): boolean {
    return /^CustomScript/i.test(String(properties.type));
}

/** Script extensions of a VM, which are run at its first boot. */
export function scriptsOf(vm: VmRecord): { name: string; command: string }[] {
    return vm.extensions.filter(isScript).map((extension) => ({ name: extension.name, command: commandOf(extension) }));
}

/** Runs an extension on a machine that is up; whether it went well, and whether the node is set up then. */
export function runExtension(vm: VmRecord, extension: VmExtension, now: Date): { succeeded: boolean; joined: boolean } {
    const root = vm.diskDirectory;
    const waits = /^CAPZ\..*Bootstrapping$/i.test(String(extension.properties.type));
    const succeeded = isScript(extension)
        ? runScript(root, commandOf(extension), now)
        : !waits || existsSync(join(root, BOOTSTRAP_DONE));
    return { succeeded, joined: vm.bootedClean && (mayRegister(root, vm.computerName) ?? isBootstrapped(root)) };
}

function commandOf({ properties }: VmExtension): string {
    const settings = {
        ...(properties.settings as Json | undefined),
        ...(properties.protectedSettings as Json | undefined),
    };
    return (settings.commandToExecute as string | undefined) ?? "";
}
