// Policies on galleries and image definitions: images of nodes are nobody else's, and are what new Linux nodes can
// boot.
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { GALLERY, IMAGE_DEFINITION } from "./contract";
import { ofTypeInScope, onlyScope } from "./ofKamino";
import type { Gallery, ImageDefinition } from "./resources";

const galleryNotCommunity: ResourceValidationPolicy = {
    name: "gallery-not-community",
    description: "A gallery is not shared to the community: a node's disk holds the cluster's own settings.",
    enforcementLevel: "mandatory",
    configSchema: onlyScope,
    validateResource: ofTypeInScope<Gallery>(GALLERY, ({ sharingProfile }, _args, report) => {
        if (sharingProfile?.permissions?.toLowerCase() === "community" || sharingProfile?.communityGalleryInfo) {
            report(
                "sharingProfile must not share to the community; Private or Groups (subscriptions, tenants) may stand.",
            );
        }
    }),
};

const imageDefinitionGeneralized: ResourceValidationPolicy = {
    name: "image-definition-generalized",
    description: "An image definition is generalized: each new node gets its own identity.",
    enforcementLevel: "mandatory",
    configSchema: onlyScope,
    validateResource: ofTypeInScope<ImageDefinition>(IMAGE_DEFINITION, ({ osState }, _args, report) => {
        if (osState !== "Generalized") {
            report(`osState must be Generalized, and is ${osState}.`);
        }
    }),
};

const imageDefinitionLinux: ResourceValidationPolicy = {
    name: "image-definition-linux",
    description: "An image definition is for Linux, the only system whose disks are captured.",
    enforcementLevel: "mandatory",
    configSchema: onlyScope,
    validateResource: ofTypeInScope<ImageDefinition>(IMAGE_DEFINITION, ({ osType }, _args, report) => {
        if (osType !== "Linux") {
            report(`osType must be Linux, and is ${osType}.`);
        }
    }),
};

export const galleryPolicies = [galleryNotCommunity, imageDefinitionGeneralized, imageDefinitionLinux];
