// Machines that join by a kubeadm configuration in their custom data: only with a token that the cluster has, by a
// certificate that the cluster signs, and as nobody else.
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CertificatesV1Api } from "@kubernetes/client-node";
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

const certificateFile = ({ diskDirectory }: Vm) =>
    join(diskDirectory, "var/lib/kubelet/pki/kubelet-client-current.pem");

test("one asks for its certificate by its token, the controller manager signs it, and the token leaves the disk", async () => {
    const token = await createToken(api);
    const vm = await machineWith(token);
    const { items } = await api.config.makeApiClient(CertificatesV1Api).listCertificateSigningRequest();
    const own = items.find(({ spec }) => spec.username === `system:bootstrap:${token.split(".")[0]}`);
    expect(own?.status?.conditions).toMatchObject([{ type: "Approved", reason: "AutoApproved" }]);
    const pem = readFileSync(certificateFile(vm), "utf8");
    expect(pem).toContain("PRIVATE KEY");
    const certificate = new X509Certificate(pem);
    expect(certificate.subject).toBe(`O=system:nodes\nCN=system:node:${vm.nodeName}`);
    expect(certificate.verify(new X509Certificate(readFileSync(sandbox.cluster.caFile)).publicKey)).toBe(true);
    expect(existsSync(join(vm.diskDirectory, "etc/kubernetes/bootstrap-kubelet.conf"))).toBe(false);
});

test("one whose disk carries another's certificate is forbidden by the API server to register", async () => {
    const donor = await machineWith(await createToken(api));
    const other = await machineWith(await createToken(api));
    await api.core.deleteNode({ name: other.nodeName });
    writeFileSync(certificateFile(other), readFileSync(certificateFile(donor)));
    await sandbox.azure.restartVm(other.id);
    await sandbox.nodes.settled();
    expect(
        sandbox.azure
            .vms()
            .find(({ id }) => id === other.id)
            ?.bootLog.at(-1),
    ).toContain(
        `"${other.nodeName}" is forbidden: node "${donor.nodeName}" is not allowed to modify node "${other.nodeName}"`,
    );
    expect(await findNode(api, other.nodeName)).toBeUndefined();
});

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
    ["that the cluster does not have", () => Promise.resolve("123456.0123456789abcdef")],
    ["with another secret", async (at: Api) => `${(await createToken(at)).split(".")[0]}.0123456789abcdef`],
])("one with a token %s is none", async (_what, token) => {
    const vm = await machineWith(await token(api));
    expect(await findNode(api, vm.nodeName)).toBeUndefined();
    expect(vm.bootLog.at(-1)).toMatch(
        /^kubelet: the bootstrap token \w{6} is not one of the cluster's, or has expired$/,
    );
});
