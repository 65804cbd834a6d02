// Checks inputs against the schema, at every depth.
import type { Failure } from "../protocol/messages";
import { type Value, isProperties, isUnknown } from "../protocol/values";
import { fits, missingProperty } from "./resourceType";
import { elementType, parseProperty } from "./schema/spec";
import { inputType } from "./shape";

/**
 * What is wrong with a value: a type that does not fit, or a required property that is missing.
 *
 * @param path where the value is, for the failure's text
 */
export function checkType(type: string, value: Value, path: string): Failure[] {
    if (isUnknown(value)) {
        return [];
    }
    if (!fits(type, value)) {
        const got = Array.isArray(value) ? "array" : typeof value;
        return [{ property: path, reason: `'${path}' should be of type '${describe(type)}' but got ${got}` }];
    }
    const element = elementType(type);
    if (element && Array.isArray(value)) {
        return value.flatMap((item, index) => checkType(element.type, item, `${path}[${index}]`));
    }
    if (element && isProperties(value)) {
        return Object.entries(value).flatMap(([key, item]) => checkType(element.type, item, `${path}.${key}`));
    }
    return checkMembers(type, value, path);
}

function checkMembers(type: string, value: Value, path: string): Failure[] {
    const named = inputType(type);
    if (!named || !isProperties(value)) {
        return [];
    }
    return Object.entries(named).flatMap(([name, text]) => {
        const property = parseProperty(text);
        const at = `${path}.${name}`;
        if (!(name in value)) {
            return property.required ? [missingProperty(at)] : [];
        }
        return checkType(property.type, value[name], at);
    });
}

function describe(type: string): string {
    if (type === "set" || type.startsWith("[")) {
        return "array";
    }
    return /^(string|number|boolean)$/.test(type) ? type : "object";
}
