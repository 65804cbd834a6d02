// The policy pack: all policies of all domains.
import { PolicyPack } from "@pulumi/policy";
import { extensionPolicies } from "./extensions";
import { foreignChangePolicies } from "./foreignChanges";
import { galleryPolicies } from "./galleries";
import { imageVersionPolicies } from "./imageVersions";
import { kubernetesPolicies } from "./kubernetes";
import { machinePoolPolicies } from "./machinePools";
import { newNodesPolicies } from "./newNodes";
import { scaleSetPolicies } from "./scaleSets";
import { stackPolicies } from "./stack";

new PolicyPack("kamino", {
    description: "No auto-rollout and least privilege for stacks that keep node pools at the image of their best node",
    policies: [
        ...scaleSetPolicies,
        ...extensionPolicies,
        ...machinePoolPolicies,
        ...foreignChangePolicies,
        ...newNodesPolicies,
        ...imageVersionPolicies,
        ...galleryPolicies,
        ...stackPolicies,
        ...kubernetesPolicies,
    ],
});
