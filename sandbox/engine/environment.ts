// The environment in which `pulumi` works against nothing but a run directory: its home, its state, its passphrase.
import * as fs from "node:fs";
import * as path from "node:path";
import { withStartup } from "../../components/engine/nodeOptions";
import { binDirectory, pluginsDirectory } from "./paths";

/** Encrypts the secrets of sandbox stacks, which live for minutes and hold only the sandbox's own made-up values. */
const passphrase = "kamino-sandbox";

/**
 * Everything that `pulumi` needs, as environment variables: all it writes stays in `runDirectory`, and it asks nothing
 * of the network by itself. Creates the folders it names.
 *
 * @param runDirectory absolute; may have spaces in it.
 * @param base the variables to start from. Its own Pulumi settings (a login, a backend, a stack) are left out.
 */
export function pulumiEnvironment(runDirectory: string, base: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const home = path.join(runDirectory, "pulumi-home");
    const state = path.join(runDirectory, "pulumi-state");
    fs.mkdirSync(home, { recursive: true });
    fs.mkdirSync(state, { recursive: true });
    linkPlugins(path.join(home, "plugins"));
    const kept = Object.entries(base).filter(([name]) => !name.startsWith("PULUMI_"));
    return {
        // As `npm run preview` has it (runner/pulumi.ts).
        ...withStartup(Object.fromEntries(kept)),
        PATH: [binDirectory, base.PATH ?? ""].join(path.delimiter),
        PULUMI_HOME: home,
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: passphrase,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
}

/** One link for all plugins: the engine passes over a link in place of a single plugin's folder. */
function linkPlugins(link: string): void {
    if (!fs.existsSync(link)) {
        fs.mkdirSync(pluginsDirectory, { recursive: true });
        fs.symlinkSync(pluginsDirectory, link, "dir");
    }
}
