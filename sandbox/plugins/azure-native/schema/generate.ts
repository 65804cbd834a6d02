// Writes schema.json. Run it after an update of @pulumi/azure-native: node -r esbuild-register
// sandbox/plugins/azure-native/schema/generate.ts
import * as fs from "node:fs";
import * as path from "node:path";
import { deriveSchema } from "./derive";

fs.writeFileSync(path.join(__dirname, "schema.json"), `${JSON.stringify(deriveSchema(), undefined, 4)}\n`);
