// Principals, their role assignments, and ARM's decision whether one may do an action at a scope.
import { randomUUID } from "node:crypto";
import { ArmError } from "./http/errors";

/** A role as a custom role's JSON has it: action patterns with `*`, without case. */
export interface Role {
    name?: string;
    actions: string[];
    notActions?: string[];
}

/** A role given at a scope (`/subscriptions/…`, a resource group's id or a resource's id) and everything below it. */
export interface RoleAssignment {
    scope: string;
    role: Role;
}

/** A service principal or managed identity that may ask for tokens. */
export interface Principal {
    name: string;
    clientId: string;
    objectId: string;
    /** Client secret; without one only a federated assertion or the managed identity endpoint gives tokens. */
    secret?: string;
    /** Federated credentials: an assertion with this issuer and subject is taken (workload identity, GitHub). */
    federated: { issuer: string; subject: string }[];
    assignments: RoleAssignment[];
}

/** An action needed on another resource than the one in the URL, as for a scale set that joins a subnet. */
export interface LinkedAccess {
    action: string;
    scope: string;
}

/** The principals of the tenant. */
export class Principals {
    private readonly byClientId = new Map<string, Principal>();

    /** Adds a principal; client id, object id and secret are made up where not given. */
    add(principal: Partial<Principal> & { name: string }): Principal {
        const full: Principal = {
            clientId: randomUUID(),
            objectId: randomUUID(),
            secret: `${randomUUID().replaceAll("-", "")}~sandbox`,
            federated: [],
            assignments: [],
            ...principal,
        };
        this.byClientId.set(full.clientId.toLowerCase(), full);
        return full;
    }

    get(clientId: string | undefined): Principal | undefined {
        return clientId === undefined ? undefined : this.byClientId.get(clientId.toLowerCase());
    }

    all(): Principal[] {
        return [...this.byClientId.values()];
    }
}

/** Whether one of the principal's roles allows the action at the scope or above it. */
export function allowed(principal: Principal, action: string, scope: string): boolean {
    return principal.assignments.some(
        ({ scope: given, role }) =>
            covers(given, scope) &&
            role.actions.some((pattern) => matches(pattern, action)) &&
            !(role.notActions ?? []).some((pattern) => matches(pattern, action)),
    );
}

/**
 * Refuses with ARM's 403 texts: AuthorizationFailed for the request's own action, LinkedAuthorizationFailed for a
 * linked one (texts as in public issues, e.g. Azure/azure-cli#16674, Azure/aad-pod-identity#613).
 */
export function authorize(principal: Principal, action: string, scope: string, linked: LinkedAccess[]): void {
    const client = `The client '${principal.clientId}' with object id '${principal.objectId}'`;
    if (!allowed(principal, action, scope)) {
        const message =
            `${client} does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. ` +
            "If access was recently granted, please refresh your credentials.";
        throw new ArmError(403, "AuthorizationFailed", message, { gateway: true });
    }
    for (const link of linked) {
        if (allowed(principal, link.action, link.scope)) {
            continue;
        }
        const message =
            `${client} has permission to perform action '${action}' on scope '${scope}'; however, it does not have permission to ` +
            `perform action '${link.action}' on the linked scope(s) '${link.scope}' or the linked scope(s) are invalid.`;
        throw new ArmError(403, "LinkedAuthorizationFailed", message, { gateway: true });
    }
}

/** Whether the principal has any role at the scope, above or below it: what it takes to see a subscription at all. */
export function reaches(principal: Principal, scope: string): boolean {
    return principal.assignments.some((one) => covers(one.scope, scope) || covers(scope, one.scope));
}

function covers(given: string, scope: string): boolean {
    const upper = given.toLowerCase().replace(/\/+$/, "");
    const lower = scope.toLowerCase();
    return upper === "" || lower === upper || lower.startsWith(`${upper}/`);
}

function matches(pattern: string, action: string): boolean {
    const expression = pattern.split("*").map((part) => part.replace(/[.\\+?^${}()|[\]]/g, "\\$&"));
    return new RegExp(`^${expression.join(".*")}$`, "i").test(action);
}
