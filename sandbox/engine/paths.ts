// Where the sandbox keeps what it builds, all of it under the repository's ignored `.sandbox` folder.
import * as path from "node:path";

/** The repository's root. */
export const repository = path.resolve(__dirname, "..", "..");
/** Everything the sandbox builds and writes. */
export const sandboxDirectory = path.join(repository, ".sandbox");
/** Executables: pulumi, its two bundled Node plugins, the cluster, kwok. */
export const binDirectory = path.join(sandboxDirectory, "bin");
/** Provider plugins, in the layout of PULUMI_HOME/plugins. */
export const pluginsDirectory = path.join(sandboxDirectory, "plugins");
/** Settings of the stack for the sandbox's pools. */
export const devSettings = path.join(repository, "Pulumi.dev.yaml");
