// Which cluster: the provider's kubeconfig (a path or the text itself), KUBECONFIG, ~/.kube/config, else the pod's own cluster.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { ObjectApi } from "./api";

/** A provider's setting by its name in `kubernetes:` config. */
export type Setting = (name: string) => string | undefined;

/**
 * The API of the cluster that the settings name.
 *
 * @throws in one line when there is no kubeconfig and no cluster around this process, or the context is not in it
 */
export function connect(setting: Setting): ObjectApi {
    const config = new KubeConfig();
    const given = setting("kubeconfig") ?? process.env.KUBECONFIG;
    const usual = path.join(os.homedir(), ".kube", "config");
    if (given && fs.existsSync(given)) {
        config.loadFromFile(given);
    } else if (given && given.includes("clusters")) {
        config.loadFromString(given);
    } else if (given) {
        throw new Error(`the kubeconfig ${given} is not there`);
    } else if (fs.existsSync(usual)) {
        config.loadFromFile(usual);
    } else if (process.env.KUBERNETES_SERVICE_HOST) {
        config.loadFromCluster();
    } else {
        throw new Error("no cluster to talk to: set kubernetes:kubeconfig or KUBECONFIG");
    }
    const context = setting("context");
    if (context) {
        config.setCurrentContext(context);
    }
    if (!config.getCurrentCluster()) {
        throw new Error(`the kubeconfig has no context ${JSON.stringify(config.getCurrentContext())}`);
    }
    return ObjectApi.of(config, setting("namespace"));
}
