// Which extensions leave a model that starts from an image, and which stay.
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
    extensionLine,
    keepsExtension,
    keptExtensions,
    parseExtensionText,
    type Extension,
} from "../../../components/pool/extensions";
import { extensionText } from "../../../policies/contract";

const extension = (text: string): Extension => {
    const [publisher, type] = text.split("/");
    return { name: `the ${type}`, publisher, type };
};
const SCRIPT = { name: "vmssCSE", publisher: "Microsoft.Azure.Extensions", type: "CustomScript" };
const BILLING = {
    name: "pool1-computeAksLinuxBilling",
    publisher: "Microsoft.AKS",
    type: "Compute.AKS-Engine.Linux.Billing",
};
const VAULT = extension("Microsoft.Azure.KeyVault/KeyVaultForLinux");
const NONE = { removeExtensions: [], keepExtensions: [] };

describe("an extension that bootstraps a node goes", () => {
    test.each([
        "Microsoft.Azure.Extensions/CustomScript",
        "microsoft.azure.extensions/customscript",
        "Microsoft.OSTCExtensions/CustomScriptForLinux",
        "Microsoft.Azure.ContainerUpstream/CAPZ.Linux.Bootstrapping",
        "Microsoft.AKS/Compute.AKS.Linux.AKSNode",
    ])("%s", (text) => expect(keepsExtension(extension(text), NONE)).toBe(false));

    it("whatever its name says", () => {
        expect(keepsExtension({ ...SCRIPT, name: "pool1-AKSLinuxBilling" }, NONE)).toBe(false);
    });
});

it("stays all the same where new nodes still join by it", () => {
    const settings = { ...NONE, removeExtensions: ["*/CustomScript"], bootstrap: "keep" as const };
    expect(keepsExtension(SCRIPT, settings)).toBe(true);
    expect(keepsExtension(VAULT, { ...settings, removeExtensions: ["*"] })).toBe(false);
});

describe("any other extension stays", () => {
    test.each([
        "Microsoft.AKS/Compute.AKS-Engine.Linux.Billing",
        "Microsoft.ManagedServices/ApplicationHealthLinux",
        "Microsoft.Azure.KeyVault/KeyVaultForLinux",
        "Microsoft.Azure.Monitor/AzureMonitorLinuxAgent",
        "Microsoft.Azure.AzureDefenderForServers/MDE.Linux",
        "Microsoft.Azure.ActiveDirectory/AADSSHLoginForLinux",
        "Microsoft.HpcCompute/NvidiaGpuDriverLinux",
    ])("%s", (text) => expect(keepsExtension(extension(text), NONE)).toBe(true));
});

describe("the configuration", () => {
    it("makes others go, by pattern on name or publisher and type, without case", () => {
        for (const pattern of ["the keyvault*", "microsoft.azure.keyvault/*", "*/KeyVaultForLinux"]) {
            expect(keepsExtension(VAULT, { ...NONE, removeExtensions: [pattern] })).toBe(false);
        }
        for (const pattern of ["KeyVault", "Microsoft.AKS/*", "the"]) {
            expect(keepsExtension(VAULT, { ...NONE, removeExtensions: [pattern] })).toBe(true);
        }
    });

    it("makes any stay, which goes before what makes it go", () => {
        const settings = { removeExtensions: ["*"], keepExtensions: ["vmss*"] };
        expect(keepsExtension(SCRIPT, settings)).toBe(true);
        expect(keepsExtension(VAULT, settings)).toBe(false);
    });
});

describe("the order of extensions", () => {
    const after = (...names: string[]) => ({ ...VAULT, provisionAfterExtensions: names });

    it("names none that is gone", () => {
        const [vault] = keptExtensions<Extension>([SCRIPT, after("vmssCSE")], NONE);
        expect(vault).toEqual({ ...VAULT, provisionAfterExtensions: [] });
    });

    it("is said to be empty again in later runs, whatever Azure answers, and not of any other extension", () => {
        const settings = { ...NONE, unordered: [VAULT.name ?? ""] };
        for (const live of [VAULT, after()]) {
            expect(keptExtensions<Extension>([live, BILLING], settings)).toEqual([after(), BILLING]);
        }
        const ordered = [after(BILLING.name), BILLING];
        expect(keptExtensions<Extension>(ordered, settings)).toEqual(ordered);
    });

    it("keeps naming those that stay", () => {
        const extensions = [SCRIPT, BILLING, after("VMSSCSE", BILLING.name.toUpperCase())];
        expect(keptExtensions<Extension>(extensions, NONE)[1].provisionAfterExtensions).toEqual([
            BILLING.name.toUpperCase(),
        ]);
    });

    it("never names one that is not there, whatever goes", () => {
        const names = fc.constantFrom("a", "b", "c", "d");
        const any = fc.record({
            name: names,
            publisher: fc.constantFrom("Microsoft.Azure.Extensions", "Contoso"),
            type: fc.constantFrom("CustomScript", "Agent"),
            provisionAfterExtensions: fc.array(names),
        });
        fc.assert(
            fc.property(fc.array(any), fc.subarray(["a", "b", "c", "d"]), (extensions, removeExtensions) => {
                const kept = keptExtensions<Extension>(extensions, { removeExtensions, keepExtensions: [] });
                const there = kept.map(({ name }) => name);
                expect(kept.flatMap(({ provisionAfterExtensions = [] }) => provisionAfterExtensions)).toSatisfy(
                    (after: string[]) => after.every((name) => there.includes(name)),
                );
            }),
        );
    });
});

describe("the line about extensions", () => {
    it("names those that go and those that stay", () => {
        expect(extensionLine([SCRIPT, BILLING], NONE)).toBe(
            "extensions that leave the model: vmssCSE (Microsoft.Azure.Extensions/CustomScript); " +
                "that stay: pool1-computeAksLinuxBilling (Microsoft.AKS/Compute.AKS-Engine.Linux.Billing)",
        );
    });

    it("names those that stay and run a script, until the configuration says whether they bootstrap", () => {
        const scripts = [
            "Microsoft.CPlat.Core/RunCommandLinux",
            "Microsoft.CPlat.Core/RunCommandHandlerLinux",
            "Microsoft.OSTCExtensions/DSCForLinux",
            "Microsoft.Azure.Extensions/DockerExtension",
            "Chef.Bootstrap.WindowsAzure/LinuxChefClient",
        ].map(extension);
        for (const one of scripts) {
            expect(extensionLine([one, VAULT], NONE)).toBe(
                `extensions that stay and run a script on each new node: ${extensionText(one)}; ` +
                    "name in removeExtensions what bootstraps a node, and in keepExtensions what does not",
            );
            expect(extensionLine([one], { ...NONE, keepExtensions: [one.name ?? ""] })).toBeUndefined();
            expect(extensionLine([one], { ...NONE, bootstrap: "keep" })).toBeUndefined();
            expect(keepsExtension(one, NONE)).toBe(true);
        }
        expect(extensionLine([SCRIPT, scripts[0]], NONE)).toMatch(
            /that stay: the RunCommandLinux .*; extensions that stay and run/,
        );
    });

    it("is left out when none goes", () => expect(extensionLine([BILLING, VAULT], NONE)).toBeUndefined());
});

test.each([SCRIPT, BILLING, { name: "a (b)", publisher: "P", type: "T" }])("the text of %o is read back", (one) => {
    expect(parseExtensionText(extensionText(one))).toEqual(one);
});
