// Machines that join by a kubeadm configuration in their custom data: only with a token that the cluster has.
import { afterAll, beforeAll, expect, test } from "vitest";
import { joinCloudConfig } from "../../sandbox/capi/manifests";
import { createToken } from "../../sandbox/capi/secrets";
import { findNode, readyCondition, type Api } from "../../sandbox/nodes/api";
import { startSandbox, type Sandbox } from "../../sandbox/sandbox";
import type { Vm } from "../../sandbox/azure";

let sandbox: Sandbox;
let api: Api;
let count = 0;

beforeAll(async () => {
    sandbox = await startSandbox({ kured: false });
    api = sandbox.nodes.api;
});
afterAll(() => sandbox?.stop());

async function machineWith(token: string): Promise<Vm> {
    const cloudConfig = joinCloudConfig({ host: "127.0.0.1", port: 6443 }, token);
    const customData = Buffer.from(cloudConfig).toString("base64");
    const { id } = await sandbox.azure.createScaleSet({
        ...{ name: `pool${++count}`, capacity: 1, kubeadm: true },
        change: ({ properties }) =>
            void Object.assign(properties.virtualMachineProfile.osProfile as object, { customData }),
    });
    await sandbox.nodes.settled();
    return sandbox.azure.vms(id)[0];
}

test("one with a token of the cluster is a node, also after the token is gone and the machine starts again", async () => {
    const token = await createToken(api);
    const vm = await machineWith(token);
    expect(readyCondition(await findNode(api, vm.nodeName))?.status).toBe("True");
    const name = `bootstrap-token-${token.split(".")[0]}`;
    await api.core.deleteNamespacedSecret({ namespace: "kube-system", name });
    await sandbox.azure.restartVm(vm.id);
    await sandbox.nodes.settled();
    expect(readyCondition(await findNode(api, vm.nodeName))?.status).toBe("True");
});

test.each([
    ["that has expired", (at: Api) => createToken(at, new Date(Date.now() - 1000))],
    ["that the cluster does not have", () => Promise.resolve("abcdef.0123456789abcdef")],
    ["with another secret", async (at: Api) => `${(await createToken(at)).split(".")[0]}.0123456789abcdef`],
])("one with a token %s is none", async (_what, token) => {
    const vm = await machineWith(await token(api));
    expect(await findNode(api, vm.nodeName)).toBeUndefined();
    expect(vm.bootLog.at(-1)).toMatch(
        /^kubelet: the bootstrap token \w{6} is not one of the cluster's, or has expired$/,
    );
});
