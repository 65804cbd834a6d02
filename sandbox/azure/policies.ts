// Azure Policy, as far as a test scripts it: assignments that deny resources which lack a tag, or whose machines start
// from an image that is not approved.
import { randomUUID } from "node:crypto";
import { ArmError } from "./http/errors";
import type { Json } from "./machineModel";

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

/** An assignment of a definition of one's own that lets machines start from approved images alone. */
export interface ImagePolicy {
    /** ARM ids that approved images begin with. */
    images: string[];
    /** Publishers whose marketplace images are approved as well; default none. */
    publishers?: string[];
    /** Subscription or resource group id that it is assigned to. */
    scope: string;
}

/** A resource, as far as policies look at it. */
export interface Evaluated {
    id: string;
    type: string;
    /** Left out where they stay as they are, as `properties` are. */
    tags?: Record<string, string>;
    properties?: Json;
}

/** What of a resource a policy looked at, as the service tells it. */
export interface Expression {
    field: string;
    operator: string;
    target: unknown;
}

/** An assignment that is in force. */
export interface Assignment {
    id: string;
    name: string;
    definition: string;
    scope: string;
    looksAt: Expression;
    denies: (resource: Evaluated) => boolean;
}

const OWN_IMAGES = "Approved images only";
/** Types of machines that a policy of images is for; they are compared without case. */
const OF_MACHINES = ["microsoft.compute/virtualmachinescalesets", "microsoft.compute/virtualmachines"];

/** The assignments that are in force. */
export class Policies {
    private assigned: Assignment[] = [];

    /** Denies, from now on, to write resources that lack this tag. */
    requireTag({ tag, scope, types }: TagPolicy): void {
        this.assign({
            ...{ name: "Require a tag on resources", scope },
            definition: "/providers/Microsoft.Authorization/policyDefinitions/871b6d14-10aa-478d-b590-94f262ecfa99",
            looksAt: { field: `tags[${tag}]`, operator: "Exists", target: "false" },
            denies: ({ type, tags }) =>
                tags !== undefined &&
                (types?.some((one) => one.toLowerCase() === type.toLowerCase()) ?? true) &&
                !Object.keys(tags).some((name) => name.toLowerCase() === tag.toLowerCase()),
        });
    }

    /**
     * Denies, from now on, to write scale sets and VMs whose image is none of these. Images without an id, of the
     * marketplace, are approved by their publisher alone.
     * Source: https://learn.microsoft.com/azure/virtual-machines/linux/policy, the fields `Microsoft.Compute/imageId`
     * and `Microsoft.Compute/imagePublisher`
     */
    approveImages({ images, publishers = [], scope }: ImagePolicy): void {
        this.assign({
            ...{ name: OWN_IMAGES, scope },
            definition: `${scope}/providers/Microsoft.Authorization/policyDefinitions/approved-images`,
            looksAt: { field: "Microsoft.Compute/imageId", operator: "Contains", target: images },
            denies: ({ type, properties }) => {
                const image = OF_MACHINES.includes(type.toLowerCase()) ? imageIn(properties) : undefined;
                return (
                    image !== undefined &&
                    !images.some((approved) => (image.id ?? "").toLowerCase().startsWith(approved.toLowerCase())) &&
                    !publishers.some((approved) => image.publisher?.toLowerCase() === approved.toLowerCase())
                );
            },
        });
    }

    clear(): void {
        this.assigned = [];
    }

    /** The assignments that deny a resource like this. */
    denying(resource: Evaluated): Assignment[] {
        return this.assigned.filter(
            ({ scope, denies }) => resource.id.toLowerCase().startsWith(`${scope.toLowerCase()}/`) && denies(resource),
        );
    }

    /** Throws ARM's 403 if an assignment denies a resource like this. */
    check(resource: Evaluated): void {
        const denied = this.denying(resource);
        if (denied.length === 0) {
            return;
        }
        const resourceName = resource.id.slice(resource.id.lastIndexOf("/") + 1);
        const identifiers = denied.map(({ id, name, definition }) => ({
            policyAssignment: { name, id },
            policyDefinition: { name, id: definition },
        }));
        const message = `Resource '${resourceName}' was disallowed by policy. Policy identifiers: '${JSON.stringify(identifiers)}'.`;
        throw new ArmError(403, "RequestDisallowedByPolicy", message, { target: resourceName, gateway: true });
    }

    private assign(policy: Omit<Assignment, "id">): void {
        const id = `${policy.scope}/providers/Microsoft.Authorization/policyAssignments/${randomUUID().slice(0, 8)}`;
        this.assigned.push({ ...policy, id });
    }
}

/** The image that a scale set's model or a VM names; undefined where the request says none. */
function imageIn(properties: Json = {}): { id?: string; publisher?: string } | undefined {
    const profile = (properties.virtualMachineProfile ?? properties) as Json;
    return ((profile.storageProfile ?? {}) as Json).imageReference as ReturnType<typeof imageIn>;
}
