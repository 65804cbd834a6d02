// A reason that is cut short still says which action or verb is missing.
import { ApiException } from "@kubernetes/client-node";
import { RestError } from "@azure/core-rest-pipeline";
import { describe, expect, test } from "vitest";
import { brief } from "../../../components/core/errors";

const CLIENT = `The client '${"1".repeat(36)}' with object id '${"2".repeat(36)}'`;
const SCOPE = `/subscriptions/${"3".repeat(36)}/resourceGroups/${"g".repeat(90)}/providers/Microsoft.Compute/snapshots/s`;
const START = "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/start/action";
const ACCESS = "Microsoft.Compute/disks/beginGetAccess/action";

describe("a reason of at most 200 characters", () => {
    test.each([
        [
            "AuthorizationFailed",
            `${CLIENT} does not have authorization to perform action '${START}' over scope '${SCOPE}' or the scope is invalid.`,
            START,
        ],
        [
            "LinkedAuthorizationFailed",
            `${CLIENT} has permission to perform action 'Microsoft.Compute/snapshots/write' on scope '${SCOPE}'; however, it does ` +
                `not have permission to perform action '${ACCESS}' on the linked scope(s) '${SCOPE}' or the linked scope(s) are invalid.`,
            ACCESS,
        ],
    ])("names the action of Azure's %s", (code, message, action) => {
        const reason = brief(new RestError(message, { statusCode: 403, code }), 200);
        expect(reason.length).toBeLessThanOrEqual(200);
        expect(reason).toContain(`'${action}'`);
    });

    test("names the verb that the API server refuses", () => {
        const message =
            `pods "${"p".repeat(63)}" is forbidden: User "system:serviceaccount:${"n".repeat(40)}:kamino" cannot get resource ` +
            `"pods" in API group "" in the namespace "kamino-capture"`;
        const reason = brief(new ApiException(403, "Forbidden", JSON.stringify({ message }), {}), 200);
        expect(reason).toContain('cannot get resource "pods" in API group "" in the namespace "kamino-capture"');
    });

    test("is left whole when it is short", () => {
        expect(brief(new Error('pods is forbidden: User "u" cannot list'), 200)).toContain('User "u" cannot list');
    });
});
