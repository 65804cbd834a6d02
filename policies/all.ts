// All policies of all domains. Apart from the pack, which serves as soon as it is made.
import type { Policies } from "@pulumi/policy";
import { extensionPolicies } from "./extensions";
import { foreignChangePolicies } from "./foreignChanges";
import { galleryPolicies } from "./galleries";
import { imageVersionPolicies } from "./imageVersions";
import { knownTypePolicies } from "./knownTypes";
import { kubernetesPolicies } from "./kubernetes";
import { machinePoolPolicies } from "./machinePools";
import { newNodesPolicies } from "./newNodes";
import { scaleSetPolicies } from "./scaleSets";
import { stackPolicies } from "./stack";

export const policies: Policies = [
    ...knownTypePolicies,
    ...scaleSetPolicies,
    ...extensionPolicies,
    ...machinePoolPolicies,
    ...foreignChangePolicies,
    ...newNodesPolicies,
    ...imageVersionPolicies,
    ...galleryPolicies,
    ...stackPolicies,
    ...kubernetesPolicies,
];
