// The policy pack.
import { PolicyPack } from "@pulumi/policy";
import { policies } from "./all";

new PolicyPack("kamino", {
    description: "No auto-rollout and least privilege for stacks that keep node pools at the image of their best node",
    policies,
});
