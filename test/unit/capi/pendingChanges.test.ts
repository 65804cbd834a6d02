// What CAPZ writes into a scale set's model along with the next image.
import { expect, test } from "vitest";
import { pendingChanges, type ModelParts } from "../../../components/capi/pendingChanges";
import type { CapzTemplate } from "../../../components/capi/machinePool";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const MODEL: ModelParts["virtualMachineProfile"] = {
    osProfile: { linuxConfiguration: { ssh: { publicKeys: [{ keyData: "ssh-rsa AAAA a" }] } } },
    storageProfile: {
        osDisk: { diskSizeGB: 30, caching: "ReadWrite", managedDisk: { storageAccountType: "Premium_LRS" } },
    },
    extensionProfile: { extensions: [{ name: "CAPZ.Linux.Bootstrapping" }] },
};
const SAME: CapzTemplate = {
    sshPublicKey: base64("ssh-rsa AAAA a\n"),
    osDisk: { diskSizeGB: 30, cachingType: "ReadWrite", managedDisk: { storageAccountType: "Premium_LRS" } },
    disableVMBootstrapExtension: false,
};

test.each<[string, Partial<CapzTemplate>, string[]]>([
    ["nothing when all is as it is", {}, []],
    ["the SSH key, without showing it", { sshPublicKey: base64("ssh-rsa BBBB b") }, ["the SSH key"]],
    ["nothing of a key that CAPZ makes by itself", { sshPublicKey: "" }, []],
    ["the disk's size", { osDisk: { diskSizeGB: 64 } }, ["the OS disk's size (30 → 64)"]],
    [
        "the disk's storage and caching",
        { osDisk: { cachingType: "None", managedDisk: { storageAccountType: "Standard_LRS" } } },
        ["the OS disk's caching (ReadWrite → None)", "the OS disk's storage (Premium_LRS → Standard_LRS)"],
    ],
    ["a data disk", { dataDisks: [{}] }, ["the number of data disks (0 → 1)"]],
    [
        "the bootstrap extension, which CAPZ adds only if asked for",
        { disableVMBootstrapExtension: undefined },
        ["the extensions (CAPZ.Linux.Bootstrapping → none)"],
    ],
    [
        "another extension",
        { vmExtensions: [{ name: "agent", publisher: "p", version: "1.0" }] },
        ["the extensions (CAPZ.Linux.Bootstrapping → CAPZ.Linux.Bootstrapping, agent)"],
    ],
    ["encryption at host", { securityProfile: { encryptionAtHost: true } }, ["encryption at host (false → true)"]],
    [
        "the terminate notification",
        { terminateNotificationTimeout: 7 },
        ["the terminate notification's time (none → PT7M)"],
    ],
])("is %s", (_, difference, changes) => {
    expect(pendingChanges({ ...SAME, ...difference }, { virtualMachineProfile: MODEL })).toEqual(changes);
});
