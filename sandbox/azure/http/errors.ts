// ARM's error envelope, and the errors that more than one resource answers with.

/** One entry of an error's `details`. */
export interface ErrorDetail {
    code: string;
    message: string;
    target?: string;
}

/** An error that is answered as `{"error": {"code", "message", "target"?, "details"?}}` with its HTTP status. */
export class ArmError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly more: {
            target?: string;
            details?: ErrorDetail[];
            headers?: Record<string, string>;
            gateway?: boolean;
        } = {},
    ) {
        super(message);
        this.name = code;
    }

    /** The `error` object of the envelope, also what a failed operation carries. */
    body(): ErrorBody {
        const { target, details } = this.more;
        return { code: this.code, message: this.message, ...(target && { target }), ...(details && { details }) };
    }
}

/** What is inside `error`. */
export interface ErrorBody extends ErrorDetail {
    details?: ErrorDetail[];
}

/**
 * 404 of ARM itself for a resource that is not there (text recorded; `path` is `type/name` or
 * `type/name/childType/child`).
 */
export function notFound(path: string, resourceGroup: string): ArmError {
    const hint = "For more details please go to https://aka.ms/ARMResourceNotFoundFix";
    const message = `The Resource '${path}' under resource group '${resourceGroup}' was not found. ${hint}`;
    return new ArmError(404, "ResourceNotFound", message, { gateway: true });
}

/** 404 of ARM for a resource group that is not there (text recorded). */
export function groupNotFound(name: string): ArmError {
    return new ArmError(404, "ResourceGroupNotFound", `Resource group '${name}' could not be found.`, {
        gateway: true,
    });
}

/** 404 of ARM for a child whose parent is not there (reported: terraform-provider-azurerm#18287). */
export function parentNotFound(parent: string): ArmError {
    const message = `Failed to perform operation on a nested resource. Parent resource '${parent}' not found.`;
    return new ArmError(404, "ParentResourceNotFound", message, { gateway: true });
}

/** 409 of ARM for a parent that still has children (2026 text, jenkins-infra/azure#1544). */
export function hasChildren(ids: string[]): ArmError {
    const message =
        "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: " +
        `'${ids.slice(0, 3).join("', '")}'. Please delete all nested resources before deleting this resource.`;
    return new ArmError(409, "CannotDeleteResource", message, { gateway: true });
}

/** 400 of the compute service for a value that it does not take. */
export function invalidParameter(target: string, message: string): ArmError {
    return new ArmError(400, "InvalidParameter", message, { target });
}

/** 400 of the compute service for a required value that is missing (text reported: azure-quickstart-templates#2148). */
export function missingParameter(target: string): ArmError {
    return invalidParameter(target, `Required parameter '${target}' is missing (null).`);
}

/** 409 of the compute service for a property that is fixed at creation (text reported: azure-docs#108952). */
export function changeNotAllowed(target: string): ArmError {
    return new ArmError(409, "PropertyChangeNotAllowed", `Changing property '${target}' is not allowed.`, { target });
}
