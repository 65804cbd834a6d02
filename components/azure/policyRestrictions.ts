// What Azure Policy would say of a resource that is not made yet. Asking changes nothing.
import { oneLine } from "../core/errors";
import { askResourceManager } from "./arm";

/** A resource that is to be made, as its request will have it, as far as that is known. */
export interface PlannedResource {
    subscriptionId: string;
    resourceGroup: string;
    /** Version of the API that the content is written for. */
    apiVersion: string;
    /** ARM id of the resource that it is part of, if it is. */
    parentId?: string;
    content: {
        type: string;
        name: string;
        location: string;
        tags?: Record<string, string>;
        sku?: object;
        properties: object;
        [member: string]: unknown;
    };
}

/** One policy that would deny a resource. */
export interface PolicyDenial {
    /** ARM id of the assignment. */
    assignment: string;
    /**
     * What of the resource the policy looked at, as in `tags[costCenter] Exists false`; empty when Azure does not say.
     */
    reason: string;
}

/** Denials, none as a rule; or why Azure cannot be asked. */
export type PolicyAnswer = { denials: PolicyDenial[] } | { unknown: string };

interface Evaluation {
    policyInfo?: { policyAssignmentId?: string };
    evaluationResult?: string;
    evaluationDetails?: { evaluatedExpressions?: Expression[] };
    effectDetails?: { policyEffect?: string };
}

interface Expression {
    expression?: string;
    operator?: string;
    targetValue?: unknown;
}

/**
 * The policies that would deny a resource. Azure evaluates the assignments that it finds from the resource group
 * upwards; an assignment at a management group that this identity cannot see may be missing among them.
 * Source: https://learn.microsoft.com/rest/api/policyinsights/policy-restrictions/check-at-resource-group-scope
 */
export async function policyDenials(planned: PlannedResource): Promise<PolicyAnswer> {
    const { subscriptionId, resourceGroup, apiVersion, parentId, content } = planned;
    try {
        const group = `/subscriptions/${subscriptionId}/resourceGroups/${encodeURIComponent(resourceGroup)}`;
        const api = "providers/Microsoft.PolicyInsights/checkPolicyRestrictions?api-version=2023-03-01";
        const { status, answer } = await askResourceManager<{
            contentEvaluationResult?: { policyEvaluations?: Evaluation[] };
        }>(subscriptionId, `${group}/${api}`, {
            resourceDetails: { resourceContent: content, apiVersion, ...(parentId && { scope: parentId }) },
        });
        if (status !== 200) {
            return { unknown: oneLine(answer.error?.message ?? `status ${status}`) };
        }
        return { denials: (answer.contentEvaluationResult?.policyEvaluations ?? []).filter(isDenial).map(toDenial) };
    } catch (error) {
        return { unknown: oneLine(error) };
    }
}

// Effects other than deny let the resource be made. Earlier versions of the API evaluated only policies that deny, and
// named no effect.
function isDenial({ evaluationResult, effectDetails }: Evaluation): boolean {
    return evaluationResult === "NonCompliant" && /^deny$/i.test(effectDetails?.policyEffect ?? "deny");
}

function toDenial({ policyInfo, evaluationDetails }: Evaluation): PolicyDenial {
    const expressions = (evaluationDetails?.evaluatedExpressions ?? []).filter(
        ({ expression }) => expression !== "type",
    );
    const text = ({ expression, operator, targetValue }: Expression) =>
        [expression, operator, shortened(typeof targetValue === "string" ? targetValue : JSON.stringify(targetValue))]
            .filter(Boolean)
            .join(" ");
    return {
        assignment: policyInfo?.policyAssignmentId ?? "unknown",
        reason: expressions.slice(0, 3).map(text).join(", "),
    };
}

/** A list of what is allowed may be long. */
function shortened(text = ""): string {
    return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
