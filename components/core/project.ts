// Where this project lies.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The nearest folder with the project's Pulumi.yaml, from here upwards: sources may run from a bundle that belongs to
 * another file.
 */
function find(folder: string): string {
    return existsSync(join(folder, "Pulumi.yaml")) || dirname(folder) === folder ? folder : find(dirname(folder));
}

/** The project's folder, absolute: where Pulumi.yaml, the components and the policy pack are. */
export const PROJECT = find(__dirname);
