// Writes schema.json, and the part of it that the program has. Run it after an update of @pulumi/azure-native:
// node -r esbuild-register sandbox/plugins/azure-native/schema/generate.ts
import * as fs from "node:fs";
import * as path from "node:path";
import { deriveSchema } from "./derive";
import { scaleSetForm } from "./scaleSetForm";

const FORM = path.join(__dirname, "..", "..", "..", "..", "components", "azure", "scaleSetForm.json");

const write = (file: string, value: object) => fs.writeFileSync(file, `${JSON.stringify(value, undefined, 4)}\n`);

const schema = deriveSchema();
write(path.join(__dirname, "schema.json"), schema);
write(FORM, scaleSetForm(schema));
