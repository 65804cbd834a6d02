// On which nodes a scheduled run's pod may run, as a pod's spec says it.
// https://kubernetes.io/docs/concepts/scheduling-eviction/
import {
    QUALIFIED_NAME_FORMAT,
    integer,
    listOf,
    matching,
    objectOf,
    oneOf,
    optional,
    recordOf,
    text,
    withDefault,
} from "../config/values";

const labels = "an object of labels";

/** Labels that a node must have. */
export const nodeSelector = recordOf(
    matching(QUALIFIED_NAME_FORMAT, labels),
    matching(/^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/, "a label's value"),
    labels,
);

/** Taints that a node may have. Only `Exists` tolerates all keys. */
export const tolerations = listOf(
    objectOf({
        key: optional(matching(QUALIFIED_NAME_FORMAT, "a taint's key")),
        operator: withDefault(oneOf("Equal", "Exists"), "Equal"),
        value: optional(text),
        effect: optional(oneOf("NoSchedule", "PreferNoSchedule", "NoExecute")),
        tolerationSeconds: optional(integer(0, 999_999_999)),
    }).superRefine(({ key, operator }, context) => {
        if (key === undefined && operator === "Equal") {
            context.addIssue({
                code: "custom",
                message: "is missing; for all taints set operator to Exists",
                path: ["key"],
            });
        }
    }),
);
