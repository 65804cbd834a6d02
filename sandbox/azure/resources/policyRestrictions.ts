// What policies would say of a resource that is not made yet (Microsoft.PolicyInsights).
import { ArmError } from "../http/errors";
import type { Route } from "../http/route";
import { BodySchema, required } from "../http/schema";
import type { Assignment, Evaluated } from "../policies";
import type { Json } from "../scaleSetRecord";

const body = new BodySchema("CheckRestrictionsRequest", {
    resourceDetails: required({ resourceContent: "any", apiVersion: "string", scope: "string" }),
    pendingFields: "any",
    includeAuditEffect: "boolean",
});

/** As in the examples of the API's specification. */
function evaluation({ id, definition, looksAt }: Assignment, type: string): Json {
    const isType = {
        ...{ result: "True", expressionKind: "Field", expression: "type", path: "type" },
        ...{ expressionValue: type, targetValue: type, operator: "Equals" },
    };
    const { field, operator, target } = looksAt;
    const isLike = {
        ...{ result: "True", expressionKind: "Field", expression: field, path: field },
        ...{ targetValue: target, operator },
    };
    return {
        policyInfo: { policyDefinitionId: definition, policyAssignmentId: id },
        evaluationResult: "NonCompliant",
        evaluationDetails: { evaluatedExpressions: [isType, isLike] },
        effectDetails: { policyEffect: "Deny" },
    };
}

/** Route of the check at a resource group. */
export const routes: Route[] = [
    {
        method: "POST",
        path: "/subscriptions/:subscriptionId/resourceGroups/:resourceGroupName/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
        action: "Microsoft.PolicyInsights/checkPolicyRestrictions/read",
        beyondScope: 3,
        type: "policyInsights",
        body,
        handle: ({ cloud, body: { resourceDetails }, path }) => {
            const { resourceContent, scope } = resourceDetails as Json;
            const { type, name, tags = {}, properties } = (resourceContent ?? {}) as Json;
            if (typeof type !== "string") {
                throw new ArmError(400, "InvalidRequestContent", "The resource content must have a type.");
            }
            const group = path.split("/providers/")[0];
            const id = `${(scope as string | undefined) ?? group}/providers/${type}/${String(name)}`;
            const denying = cloud.policies.denying({ id, type, tags, properties } as Evaluated);
            const policyEvaluations = denying.map((policy) => evaluation(policy, type));
            return { status: 200, body: { fieldRestrictions: [], contentEvaluationResult: { policyEvaluations } } };
        },
    },
];
