// What a stack may consist of: the program's own types, and those that the options name.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as resourceTypes from "../../components/core/resourceTypes";
import { Pack, type Violation } from "./pack";

let pack: Pack;
beforeAll(async () => void (pack = await Pack.start()));
afterAll(() => pack.stop());

/** What the policy says of an empty resource of a type. */
async function said(type: string): Promise<Violation[]> {
    const violations = await pack.check({ type, name: "beside", inputs: {} });
    return violations.filter(({ policy }) => policy === "only-known-types");
}

const OWN = [
    ...["pulumi:pulumi:Stack", "pulumi:pulumi:StackReference"],
    ...["pulumi:providers:azure-native", "pulumi:providers:kubernetes", "pulumi:providers:pulumi-nodejs"],
    ...["kamino:index:VmssPrototype", "kamino:index:Schedule"],
    ...Object.values(resourceTypes),
    ...["azure-native:compute:Gallery", "azure-native:compute/v20240701:GalleryImage"],
    "azure-native_compute_v20241101:compute/v20241101:GalleryImageVersion",
];

it.each(OWN)("%s is the program's own", async (type) => {
    expect(await said(type)).toEqual([]);
});

// By each of these a changed program could reach nodes past the other policies.
const OTHERS = [
    "azure-native:compute:VirtualMachineScaleSetExtension",
    "azure-native:compute:VirtualMachineScaleSetVM",
    "azure-native:compute:VirtualMachineScaleSetVMExtension",
    "azure-native:compute:VirtualMachineScaleSetVMRunCommand",
    "azure-native_compute_v20241101:compute/v20241101:VirtualMachineScaleSetVM",
    "azure-native:compute:GalleryApplicationVersion",
    "azure-native:monitor:AutoscaleSetting",
    "azure-native:insights:AutoscaleSetting",
    "azure-native:resources:Deployment",
    "azure-native:resources:Resource",
    "azure:compute/linuxVirtualMachineScaleSet:LinuxVirtualMachineScaleSet",
    "azure-nextgen:compute:VirtualMachineScaleSet",
    "command:local:Command",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:core/v1:Secret",
    "kubernetes:core/v1:NamespacePatch",
    "kubernetes:batch/v1:CronJobPatch",
    "kubernetes:batch/v1:Job",
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleList",
    "kubernetes:yaml/v2:ConfigFile",
    "pulumi-nodejs:dynamic:Resource",
    "pulumi-nodejs:dynamic/kamino:Other",
    "kamino:index:Other",
    "pulumi:providers:azure-native:Other",
    "pulumi:pulumi:Other",
    "my:index:App",
];

it.each(OTHERS)("%s is refused in one line that says how it is allowed", async (type) => {
    expect(await said(type)).toEqual([
        {
            policy: "only-known-types",
            level: "mandatory",
            message: expect.stringMatching(
                new RegExp(
                    `\\n${escaped(type)} is not a type that this program declares: .*"allowed": \\["${escaped(type)}"\\]`,
                ),
            ) as string,
        },
    ]);
});

function escaped(text: string): string {
    return text.replace(/[/.]/g, "\\$&");
}

describe("the option allowed", () => {
    afterEach(() => pack.configure({}));

    it.each([
        ["a token", "random:index/randomPet:RandomPet", ["random:index/randomPet:RandomPet"]],
        ["what a token begins with", "random:index/randomPet:RandomPet", ["my:*", "random:*"]],
        ["one of several", "random:index/randomPet:RandomPet", ["my:index:App", "kubernetes:apps/v1:*", "r*"]],
    ])("takes %s", async (_what, type, allowed) => {
        await pack.configure({ "only-known-types": { allowed } });
        expect(await said(type)).toEqual([]);
        expect(await said("azure-native:compute:VirtualMachineScaleSetVM")).toHaveLength(1);
    });

    it.each([[["random:index"]], [["Random:*"]], [["index/randomPet:RandomPet"]], [[]]])(
        "means the whole token, as it is written: %j",
        async (allowed) => {
            await pack.configure({ "only-known-types": { allowed } });
            expect(await said("random:index/randomPet:RandomPet")).toHaveLength(1);
        },
    );
});
