// Policies on a scale set's extensions: none that bootstraps a node, and none that waits for one that is gone.
import type { PolicyConfigSchema, ResourceValidationPolicy } from "@pulumi/policy";
import picomatch from "picomatch";
import { extensionText, keepsBootstrap } from "./contract";
import { ofScaleSet, type Extension } from "./resources";

interface ExtensionOptions {
    allowed: string[];
}

const extensionOptions: PolicyConfigSchema = {
    properties: {
        allowed: {
            type: "array",
            items: { type: "string" },
            default: ["*"],
            description:
                "Extensions that may stay: patterns (* as in file names, without case) on name or publisher/type. " +
                "Extensions that bootstrap a node are refused even if listed.",
        },
    },
};

/**
 * Extensions that make a node of a plain VM, by type: Azure's scripts (CustomScript and CustomScriptForLinux, of either
 * publisher), AKS's and Cluster API's own. On a VM that starts from a node's disk they would run on what is done
 * already.
 */
const BOOTSTRAPS = [/^customscript/i, /^compute\.aks\.linux\.aksnode$/i, /^capz\.(linux|windows)\.bootstrapping$/i];

/** Whether extensions of this type bootstrap a node. */
export function bootstraps(type: string): boolean {
    return BOOTSTRAPS.some((pattern) => pattern.test(type));
}

const scaleSetExtensions: ResourceValidationPolicy = {
    name: "scale-set-extensions",
    description:
        "New nodes run no bootstrap, unless a tag says that they join by it: no extension of the model does it, and all " +
        "are allow-listed.",
    enforcementLevel: "mandatory",
    configSchema: extensionOptions,
    validateResource: ofScaleSet(({ virtualMachineProfile, tags }, args, report) => {
        const { allowed = extensionOptions.properties.allowed.default as string[] } =
            args.getConfig<Partial<ExtensionOptions>>();
        for (const extension of virtualMachineProfile?.extensionProfile?.extensions ?? []) {
            const what = `extension ${extensionText(extension)}`;
            if (bootstraps(extension.type ?? "")) {
                if (keepsBootstrap(tags)) {
                    continue;
                }
                report(`${what} bootstraps a node and must be removed.`);
            } else if (!isAllowed(extension, allowed)) {
                report(`${what} must be removed, or its name or publisher/type be listed in this policy's "allowed".`);
            }
        }
    }),
};

function isAllowed({ name, publisher, type }: Extension, allowed: string[]): boolean {
    const names = [name ?? "", `${publisher ?? ""}/${type ?? ""}`].filter((text) => text !== "");
    return names.some((text) => picomatch.isMatch(text, allowed, { nocase: true, dot: true }));
}

const scaleSetExtensionOrder: ResourceValidationPolicy = {
    name: "scale-set-extension-order",
    description: "No extension waits for one that the model does not have: Azure refuses such a model.",
    enforcementLevel: "mandatory",
    validateResource: ofScaleSet(({ virtualMachineProfile }, _args, report) => {
        const extensions = virtualMachineProfile?.extensionProfile?.extensions ?? [];
        const names = extensions.map(({ name }) => name?.toLowerCase());
        for (const { name, provisionAfterExtensions = [] } of extensions) {
            for (const other of provisionAfterExtensions.filter((each) => !names.includes(each.toLowerCase()))) {
                report(`extension "${name}" must not wait (provisionAfterExtensions) for "${other}", which is gone.`);
            }
        }
    }),
};

export const extensionPolicies = [scaleSetExtensions, scaleSetExtensionOrder];
