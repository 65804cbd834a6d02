// A secret in plain text, where Pulumi's settings, its state and a ConfigMap would show it, is refused; what is
// encrypted is not.
import { describe, expect, it, test } from "vitest";
import { readSettings } from "../../../components/config/load";
import { refusePlainSecrets, refusePlainSecretsIn } from "../../../components/config/plainSecrets";
import { stackSettings } from "../../../components/schedule/stackSettings";
import { readSchedule } from "../../../components/schedule/settings";

const pool = { resourceGroup: "rg", pools: [{ scaleSet: "vmss" }] };
const HIDDEN = "hunter2hunter2";

describe("a client secret in a stack's settings", () => {
    const plain = { "azure-native:clientSecret": HIDDEN, "azure-native:clientId": "c" };

    it("is refused in plain text, without being shown", () => {
        expect(() => refusePlainSecrets(plain, '["kamino:pools"]')).toThrow(
            /^azure-native:clientSecret is in plain text in the stack's settings; encrypt it: pulumi config set --secret azure-native:clientSecret$/,
        );
    });

    it("is fine where it is encrypted, and where it is none", () => {
        expect(() => refusePlainSecrets(plain, '["azure-native:clientSecret"]')).not.toThrow();
        expect(() => refusePlainSecrets({ "azure-native:clientId": "c" }, "[]")).not.toThrow();
    });

    it("is refused in a file that a schedule would put into a ConfigMap", () => {
        const file = (secret: string) => `config:\n  azure-native:clientSecret: ${secret}\n`;
        expect(() => stackSettings(file(HIDDEN), "kamino", "Pulumi.prod.yaml")).toThrow(
            "in plain text in Pulumi.prod.yaml",
        );
        expect(stackSettings(file("{secure: v1:abc}"), "kamino").text).toContain("v1:abc");
    });

    test.each(["clientCertificatePassword", "oidcToken", "oidcRequestToken"])("so is %s", (name) => {
        expect(() => refusePlainSecretsIn({ [`azure-native:${name}`]: HIDDEN }, "f")).toThrow(name);
    });
});

describe("what is put where no secret belongs is not shown", () => {
    const kubeconfig = `apiVersion: v1\nusers: [{name: me, user: {token: ${HIDDEN}}}]\n`;

    it.each([
        ["a kubeconfig's text in place of its path", kubeconfig],
        ["the same as JSON", JSON.stringify({ apiVersion: "v1", users: [{ user: { token: HIDDEN } }] }).padEnd(300)],
        ["the same in base64", Buffer.from(kubeconfig.repeat(20)).toString("base64")],
    ])("%s", (_what, value) => {
        expect(() => readSettings({ ...pool, kubeconfig: value })).toThrow(
            /^kamino:kubeconfig must be the path of a kubeconfig file, and not what is in it$/,
        );
    });

    it("an environment as JSON", () => {
        const id = "00000000-0000-4000-8000-000000000001";
        const least = { stack: "prod", image: "kamino:1", azure: { subscriptionId: id, tenantId: id } };
        const environment = JSON.stringify({ ARM_CLIENT_SECRET: HIDDEN });
        const where = { key: "at", ownStack: "schedule", project: "kamino" };
        expect(() => readSchedule({ ...least, environment }, where)).toThrow(
            /^at\.environment must be without ARM_CLIENT_SECRET: put it into the Secret that environmentSecret names$/,
        );
    });
});

test("a path is a path", () => {
    const kubeconfig = "~/.kube/a config (of mine).yaml";
    expect(readSettings({ ...pool, kubeconfig })).toMatchObject({ kubeconfig });
});
