// Machines that join by kubeadm: each as itself, and never as the one whose disk it got.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { AzureSandbox, ScaleSet, Vm } from "../../sandbox/azure/index";
import { startForTest } from "./support";

let azure: AzureSandbox;
let close: () => Promise<void>;
let pool: ScaleSet;
let vm: Vm;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    pool = await azure.createScaleSet({ name: "pool1", resourceGroup: "kubeadm-rg", capacity: 2, kubeadm: true });
    [vm] = azure.vms(pool.id);
});
afterAll(() => close());

const certificate = (of: Vm) => join(of.diskDirectory, "var/lib/kubelet/pki/kubelet-client-current.pem");

test("each joins by its own cloud-init, and signs in as itself", () => {
    for (const each of azure.vms(pool.id)) {
        expect(each).toMatchObject({ joined: true, bootstrapRan: false });
        expect(readFileSync(certificate(each), "utf8")).toContain(`CN=system:node:${each.nodeName}`);
    }
});

test("one that was restarted is the node that it was", async () => {
    await azure.restartVm(vm.id);
    expect(azure.vms(pool.id)[0].joined).toBe(true);
});

test("one that signs in as another is not registered", async () => {
    const other = azure.vms(pool.id)[1];
    const own = readFileSync(certificate(vm), "utf8");
    rmSync(certificate(vm));
    await azure.restartVm(vm.id);
    expect(azure.vms(pool.id)[0].joined, "without a certificate").toBe(false);
    writeFileSync(certificate(vm), readFileSync(certificate(other), "utf8"));
    await azure.restartVm(vm.id);
    expect(azure.vms(pool.id)[0].joined, "with another one's").toBe(false);
    writeFileSync(certificate(vm), own);
    await azure.restartVm(vm.id);
    expect(azure.vms(pool.id)[0].joined).toBe(true);
});

describe("as Cluster API bootstraps a machine", () => {
    const DONE = "run/cluster-api/bootstrap-success.complete";
    const discovery = { bootstrapToken: { token: "abcdef.0123456789abcdef" } };
    let count = 0;

    /** A machine with this kubeadm configuration in a cloud-config that is a Jinja template. */
    async function machineWith(configuration: object, header = "## template: jinja\n#cloud-config\n"): Promise<Vm> {
        const path = "/run/kubeadm/kubeadm-join-config.yaml";
        const custom = {
            write_files: [{ path, content: stringify(configuration) }],
            runcmd: [`kubeadm join --config ${path}  && echo success > /${DONE}`],
        };
        const customData = Buffer.from(`${header}${stringify(custom)}`).toString("base64");
        const { id } = await azure.createScaleSet({
            ...{ name: `capi${++count}`, resourceGroup: "kubeadm-rg", capacity: 1, kubeadm: true },
            change: ({ properties }) =>
                void Object.assign(properties.virtualMachineProfile.osProfile as object, { customData }),
        });
        return azure.vms(id)[0];
    }

    test("it joins under the name that the template asks for, and says that it is through", async () => {
        const name = '{{ ds.meta_data["local_hostname"] }}';
        const joined = await machineWith({ kind: "JoinConfiguration", discovery, nodeRegistration: { name } });
        expect(joined.joined, joined.bootLog.join("\n")).toBe(true);
        expect(readFileSync(certificate(joined), "utf8")).toContain(`CN=system:node:${joined.nodeName}`);
        expect(readFileSync(join(joined.diskDirectory, DONE), "utf8")).toBe("success\n");
    });

    test("under a fixed name it signs in as that, and its node is not registered", async () => {
        const named = await machineWith({ kind: "JoinConfiguration", discovery, nodeRegistration: { name: "worker" } });
        expect(named.joined).toBe(false);
        expect(named.bootLog).toContain("kubelet: signs in as another node, and is forbidden to register this one");
    });

    test.each([
        ["without a way to know the cluster", { kind: "JoinConfiguration" }, /bootstrapToken or file must be set/],
        ["of another kind", { kind: "InitConfiguration" }, /no JoinConfiguration found/],
    ])("a configuration %s is refused", async (_what, configuration, message) => {
        const refused = await machineWith(configuration);
        expect(refused.joined).toBe(false);
        expect(refused.bootLog.join("\n")).toMatch(message);
        expect(existsSync(join(refused.diskDirectory, DONE))).toBe(false);
    });

    test("custom data without a cloud-config's first line does nothing", async () => {
        const ignored = await machineWith({ kind: "JoinConfiguration", discovery }, "## template: jinja\n");
        expect(ignored.joined).toBe(false);
        expect(ignored.bootLog.join("\n")).not.toContain("kubeadm");
    });
});
