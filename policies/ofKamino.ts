// An option of policies that judge what any program may declare: to leave alone what is not kamino's.
import type { PolicyConfigSchema, ReportViolation, ResourceValidation, ResourceValidationArgs } from "@pulumi/policy";
import { GALLERY, PROTOTYPE, SCHEDULE, STACK_TAG } from "./contract";
import { present } from "./present";
import { ofType, typesAbove, type Gallery } from "./resources";

interface Scope {
    onlyOfKamino: boolean;
}

/** The option, for a policy's schema. */
export const scopeOptions: NonNullable<PolicyConfigSchema["properties"]> = {
    onlyOfKamino: {
        type: "boolean",
        default: false,
        description:
            "Whether resources are left alone that no component of kamino holds. Whoever changes the program could move " +
            "one out of its component, so this is for stacks that have more than kamino's pools.",
    },
};

/** The schema of a policy that has no other option. */
export const onlyScope: PolicyConfigSchema = { properties: scopeOptions };

/** A resource, as far as it tells whose it is. */
interface Owned {
    type: string;
    urn: string;
    props: Record<string, unknown>;
}

/** Whether a policy with this option judges a resource: all of them, unless the option says otherwise. */
export function isJudged(resource: Owned, { onlyOfKamino = false }: Partial<Scope>): boolean {
    return !onlyOfKamino || isOfKamino(resource);
}

/** Whether a component of kamino holds a resource; a gallery is of several pools, and has a tag in place of that. */
function isOfKamino({ type, urn, props }: Owned): boolean {
    return (
        typesAbove(urn).some((above) => PROTOTYPE.test(above) || SCHEDULE.test(above)) ||
        (GALLERY.test(type) && present(props as Partial<Gallery>).tags?.[STACK_TAG] !== undefined)
    );
}

/** A validation of one type's resources, as far as the policy's option `onlyOfKamino` says. */
export function ofTypeInScope<T>(
    type: RegExp,
    validate: (props: T, args: ResourceValidationArgs, report: ReportViolation) => void,
): ResourceValidation {
    return ofType<T>(type, (props, args, report) => {
        const { urn, props: all } = args;
        if (!isJudged({ type: args.type, urn, props: all }, args.getConfig<Partial<Scope>>())) {
            args.notApplicable("no component of kamino holds it, and onlyOfKamino is set");
        }
        validate(props, args, report);
    });
}
