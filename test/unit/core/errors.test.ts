// Every error is one line that names the service and what is missing, without headers, tokens and stack.
import { ApiException, FetchError } from "@kubernetes/client-node";
import { CredentialUnavailableError } from "@azure/identity";
import { RestError, createHttpHeaders, createPipelineRequest } from "@azure/core-rest-pipeline";
import { describe, expect, it } from "vitest";
import { UserError, oneLine, statusOf } from "../../../components/core/errors";

describe("an error in one line", () => {
    it("names the verb that the Kubernetes API server refused, and shows no headers", () => {
        const message =
            'nodes is forbidden: User "ci" cannot list resource "nodes" in API group "" at the cluster scope';
        const headers = { "audit-id": "secret-header" };
        for (const body of [JSON.stringify({ kind: "Status", message }), { kind: "Status", message }]) {
            const line = oneLine(new ApiException(403, "Forbidden", body, headers));
            expect(line).toContain(`the Kubernetes API server answered 403: ${message}`);
            expect(line).not.toContain("secret-header");
        }
    });

    it("says which API server cannot be reached, and what to set", () => {
        const error = new FetchError(
            "request to https://127.0.0.1:1/api/v1/nodes?x=y failed, reason: connect ECONNREFUSED",
            "system",
        );
        expect(oneLine(error)).toBe(
            "the Kubernetes API server at https://127.0.0.1:1 cannot be reached: connect ECONNREFUSED; check kamino:kubeconfig, kamino:context or KUBECONFIG, and the network",
        );
    });

    it("names the action that Azure refused, and shows no token", () => {
        const request = createPipelineRequest({
            url: "https://management.azure.com/subscriptions/1",
            headers: createHttpHeaders({ authorization: "Bearer eyJsecret" }),
        });
        const message = "The client does not have authorization to perform action 'Microsoft.Compute/galleries/read'";
        const line = oneLine(new RestError(message, { statusCode: 403, code: "AuthorizationFailed", request }));
        expect(line).toBe(
            `Azure Resource Manager at https://management.azure.com answered 403 AuthorizationFailed: ${message}`,
        );
    });

    it("says that Azure cannot be reached, and where", () => {
        const request = createPipelineRequest({ url: "https://management.azure.com/subscriptions/1" });
        const line = oneLine(
            new RestError("getaddrinfo ENOTFOUND management.azure.com", { code: "ENOTFOUND", request }),
        );
        expect(line).toMatch(
            /^Azure Resource Manager at https:\/\/management\.azure\.com cannot be reached: getaddrinfo ENOTFOUND/,
        );
    });

    it("says what to set when there are no Azure credentials", () => {
        expect(oneLine(new CredentialUnavailableError("Please run 'az login'"))).toMatch(
            /no usable Azure credentials: .*ARM_CLIENT_ID/,
        );
    });

    it("finds the reason under a failed fetch, and among several addresses tried", () => {
        expect(oneLine(new TypeError("fetch failed", { cause: new Error("getaddrinfo ENOTFOUND x") }))).toBe(
            "getaddrinfo ENOTFOUND x",
        );
        expect(oneLine(new AggregateError([new Error("connect ::1"), new Error("connect 127.0.0.1")], ""))).toBe(
            "connect ::1, connect 127.0.0.1",
        );
    });

    it("takes anything that can be thrown, and keeps to one line of bounded length", () => {
        expect(oneLine("a\nb\t\u0007c")).toBe("a b c");
        expect(oneLine(undefined)).toBe("undefined");
        expect(oneLine({})).toBe("unknown error");
        expect(oneLine(new Error("x".repeat(5000))).length).toBeLessThan(1000);
        expect(oneLine(new Error("sent Bearer eyJabc.def-ghi and ?sv=1&sig=abc%3D&se=2"))).toBe(
            "sent Bearer *** and ?sv=1&sig=***&se=2",
        );
        expect(oneLine(new Error("token eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln is void"))).toBe("token *** is void");
    });
});

describe("an error of the user's", () => {
    it("has no command for a CI service in it, whoever wrote a part of it", () => {
        const error = new UserError("the copy was not cleaned: ##vso[task.setvariable variable=BASH_ENV]/x");
        expect(error.message).toBe("the copy was not cleaned: # #vso[task.setvariable variable=BASH_ENV]/x");
        expect(oneLine(new Error("::add-mask::x"))).toBe(": :add-mask::x");
    });

    it("has no stack to print, and its own words", () => {
        const error = new UserError("kamino:pools is missing");
        expect(error.stack).toBe("");
        expect(oneLine(error)).toBe("kamino:pools is missing");
    });
});

it("tells the status of a refusal, whichever client it comes from", () => {
    expect(statusOf(new ApiException(404, "", "", {}))).toBe(404);
    expect(statusOf(new RestError("", { statusCode: 409 }))).toBe(409);
    expect(statusOf(new Error("x"))).toBeUndefined();
    expect(statusOf(null)).toBeUndefined();
});
