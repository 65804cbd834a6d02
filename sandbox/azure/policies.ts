// Azure Policy, as far as a test scripts it: assignments that deny resources which lack a tag.
import { randomUUID } from "node:crypto";
import { ArmError } from "./http/errors";

/** An assignment of the built-in definition "Require a tag on resources". */
export interface TagPolicy {
    tag: string;
    /** Subscription or resource group id that it is assigned to. */
    scope: string;
    /**
     * Resource types that it is for, such as `Microsoft.Compute/snapshots`; default all that have tags and a location.
     */
    types?: string[];
}

/** A resource, as far as policies look at it. */
interface Tagged {
    id: string;
    type: string;
    tags: Record<string, string>;
}

const DEFINITION = "/providers/Microsoft.Authorization/policyDefinitions/871b6d14-10aa-478d-b590-94f262ecfa99";
const NAME = "Require a tag on resources";

/** The assignments that are in force. */
export class Policies {
    private assigned: (TagPolicy & { id: string })[] = [];

    /** Denies, from now on, to write resources that lack this tag. */
    requireTag(policy: TagPolicy): void {
        const id = `${policy.scope}/providers/Microsoft.Authorization/policyAssignments/${randomUUID().slice(0, 8)}`;
        this.assigned.push({ ...policy, id });
    }

    clear(): void {
        this.assigned = [];
    }

    /** The assignments that deny a resource with these tags, each with its own id and its definition's. */
    denying(resource: Tagged): (TagPolicy & { id: string; definition: string })[] {
        const has = Object.keys(resource.tags).map((name) => name.toLowerCase());
        const denying = this.assigned.filter(
            ({ tag, scope, types }) =>
                resource.id.toLowerCase().startsWith(`${scope.toLowerCase()}/`) &&
                (types?.some((type) => type.toLowerCase() === resource.type.toLowerCase()) ?? true) &&
                !has.includes(tag.toLowerCase()),
        );
        return denying.map((policy) => ({ ...policy, definition: DEFINITION }));
    }

    /** Throws ARM's 403 if an assignment denies a resource with these tags. */
    check(resource: Tagged): void {
        const denied = this.denying(resource);
        if (denied.length === 0) {
            return;
        }
        const name = resource.id.slice(resource.id.lastIndexOf("/") + 1);
        const identifiers = denied.map(({ id }) => ({
            policyAssignment: { name: NAME, id },
            policyDefinition: { name: NAME, id: DEFINITION },
        }));
        const message = `Resource '${name}' was disallowed by policy. Policy identifiers: '${JSON.stringify(identifiers)}'.`;
        throw new ArmError(403, "RequestDisallowedByPolicy", message, { target: name, gateway: true });
    }
}
