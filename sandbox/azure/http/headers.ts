// Headers that every answer carries, and the rate-limit counters that go down as they are used.
import { randomUUID } from "node:crypto";

/** What of a route the counters go by. */
interface Counted {
    type: string;
    action: string | undefined;
    path: string;
    method: string;
}

const CONSTANT = {
    "cache-control": "no-cache",
    pragma: "no-cache",
    expires: "-1",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-cache": "CONFIG_NOCACHE",
};

/** Counters of this run; real limits refill, these start high enough for any test. */
export class RateLimits {
    private readonly used = new Map<string, number>();

    /** Headers for an answer of the route: ARM's counters for all, the compute service's for what it answers itself. */
    headers(route: Counted | undefined, method: string): Record<string, string> {
        const kind = method === "DELETE" ? "deletes" : method === "GET" || method === "HEAD" ? "reads" : "writes";
        const arm: Record<string, string> =
            kind === "reads"
                ? { "x-ms-ratelimit-remaining-subscription-global-reads": this.left("reads", 3750) }
                : {
                      [`x-ms-ratelimit-remaining-subscription-${kind}`]: this.left(kind, 200),
                      [`x-ms-ratelimit-remaining-subscription-global-${kind}`]: this.left(`global-${kind}`, 3000),
                  };
        const policies = route ? computePolicies(route) : [];
        const resource = policies
            .map(([policy, limit]) => `Microsoft.Compute/${policy};${this.left(policy, limit)}`)
            .join(",");
        return { ...arm, ...(resource && { "x-ms-ratelimit-remaining-resource": resource }) };
    }

    private left(name: string, limit: number): string {
        const used = (this.used.get(name) ?? 0) + 1;
        this.used.set(name, used);
        return String(limit - (used % limit));
    }
}

/** Constant headers and the ids of this request. */
export function commonHeaders(now: Date, clientRequestId: string | undefined): Record<string, string> {
    const id = randomUUID();
    return {
        ...CONSTANT,
        "x-ms-request-id": id,
        "x-ms-correlation-request-id": randomUUID(),
        "x-ms-routing-request-id": `SANDBOX:${now.toISOString().replace(/[-:]|\.\d+/g, "")}:${id}`,
        ...(clientRequestId && { "x-ms-client-request-id": clientRequestId }),
    };
}

// Policy names as recorded in 2024; the numbers only have to go down.
function computePolicies(route: Counted): [string, number][] {
    if (route.type === "virtualMachines") {
        return route.method === "GET"
            ? [["LowCostGetSubscriptionMaximum", 24000]]
            : [["PutVMSubscriptionMaximum", 1500]];
    }
    if (route.type !== "scaleSets") {
        return [];
    }
    if (route.action === undefined) {
        return [
            ["GetOperationResource", 45],
            ["GetOperationSubscriptionMaximum", 15000],
        ];
    }
    if (/\/virtualMachines\b/i.test(route.path)) {
        return route.method === "GET"
            ? [["GetVMScaleSetVMSubscriptionMaximum", 4000]]
            : [["VMScaleSetVMActionsSubscriptionMaximum", 1500]];
    }
    switch (route.method) {
        case "GET":
            return [
                ["GetVMScaleSetSubscriptionMaximum", 2400],
                ["GetVMScaleSetResource", 36],
            ];
        case "PUT":
            return [
                ["CreateVMScaleSetSubscriptionMaximum", 375],
                ["CreateVMScaleSetResource", 12],
            ];
        case "DELETE":
            return [
                ["DeleteVMScaleSetSubscriptionMaximum", 525],
                ["DeleteVMScaleSetResource", 12],
            ];
        default:
            return [["VMScaleSetActionsSubscriptionMaximum", 1500]];
    }
}
