// Reads resource and property types out of the declarations (.d.ts) of the installed @pulumi/azure-native.
import * as fs from "node:fs";
import * as path from "node:path";
import * as ts from "typescript";
import type { PropertyType } from "./spec";

/** A property as the SDK declares it. */
export interface DeclaredProperty {
    type: PropertyType;
    required: boolean;
}

/** Properties by name. */
export type DeclaredType = Record<string, DeclaredProperty>;

const sdk = path.dirname(require.resolve("@pulumi/azure-native/package.json"));

function parse(file: string): ts.SourceFile {
    return ts.createSourceFile(file, fs.readFileSync(path.join(sdk, file), "utf8"), ts.ScriptTarget.ES2022, true);
}

/** What the SDK declares of one resource of its `compute` module. */
export class ResourceDeclarations {
    private readonly file: ts.SourceFile;

    constructor(readonly name: string) {
        this.file = parse(`compute/${name[0].toLowerCase()}${name.slice(1)}.d.ts`);
    }

    /** The API version of the resource, which the SDK tells only in its documentation. */
    apiVersion(): string {
        const [, version] = /Uses Azure REST API version (\S+)\. /.exec(this.file.text) ?? [];
        if (!version) {
            throw new Error(`the documentation of ${this.name} tells no API version`);
        }
        return version;
    }

    /** The arguments of the resource's constructor. */
    inputs(): DeclaredType {
        const found = this.file.statements.find(
            (node): node is ts.InterfaceDeclaration =>
                ts.isInterfaceDeclaration(node) && node.name.text === `${this.name}Args`,
        );
        return declaredType(found?.members ?? []);
    }

    /** The outputs of the resource. */
    outputs(): DeclaredType {
        const found = this.file.statements.find(ts.isClassDeclaration);
        return declaredType(found?.members.filter(ts.isPropertyDeclaration) ?? []);
    }
}

/**
 * All interfaces in the `compute` namespace of the SDK's input or output types, by name without `Args` or `Response`.
 */
export function computeTypes(kind: "input" | "output"): Map<string, DeclaredType> {
    const types = new Map<string, DeclaredType>();
    const suffix = kind === "input" ? /Args$/ : /Response$/;
    for (const namespace of parse(`types/${kind}.d.ts`).statements.filter(ts.isModuleDeclaration)) {
        if (namespace.name.text === "compute" && namespace.body && ts.isModuleBlock(namespace.body)) {
            for (const declared of namespace.body.statements.filter(ts.isInterfaceDeclaration)) {
                types.set(declared.name.text.replace(suffix, ""), declaredType(declared.members));
            }
        }
    }
    return types;
}

function declaredType(members: Iterable<ts.TypeElement | ts.ClassElement>): DeclaredType {
    const type: DeclaredType = {};
    for (const member of members) {
        if ((ts.isPropertySignature(member) || ts.isPropertyDeclaration(member)) && member.type) {
            const optional = Boolean(member.questionToken) || member.type.getText().includes("| undefined");
            type[(member.name as ts.Identifier).text] = { type: propertyType(member.type), required: !optional };
        }
    }
    return type;
}

// `pulumi.Input<pulumi.Input<inputs.compute.SubResourceArgs>[] | undefined>` is `[SubResource]`.
function propertyType(node: ts.TypeNode): PropertyType {
    if (ts.isUnionTypeNode(node)) {
        const types = node.types.filter((type) => type.kind !== ts.SyntaxKind.UndefinedKeyword).map(propertyType);
        return new Set(types).size === 1 ? types[0] : "any";
    }
    if (ts.isArrayTypeNode(node)) {
        return `[${propertyType(node.elementType)}]`;
    }
    if (ts.isTypeLiteralNode(node)) {
        const [member] = node.members;
        return ts.isIndexSignatureDeclaration(member) ? `{${propertyType(member.type)}}` : "any";
    }
    if (ts.isTypeReferenceNode(node)) {
        return referenceType(node);
    }
    return /^(string|number|boolean)$/.test(node.getText()) ? node.getText() : "any";
}

function referenceType(node: ts.TypeReferenceNode): PropertyType {
    const name = node.typeName.getText();
    if (/^pulumi\.(Input|Output)$/.test(name) && node.typeArguments) {
        return propertyType(node.typeArguments[0]);
    }
    const [, kind, type] = /^(inputs|outputs)\.compute\.(\w+)$/.exec(name) ?? [];
    if (type) {
        return type.replace(kind === "inputs" ? /Args$/ : /Response$/, "");
    }
    // Every enumeration of the compute module is one of strings.
    return name.startsWith("enums.") ? "string" : "any";
}
