// Writes the packages of an image as a file of the run, where one is wanted. Nothing depends on it: what is missing is
// a line, and the capture goes on.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError, brief } from "../../core/errors";
import { within, withRetries } from "../../core/retry";
import { info, warn } from "../../engine/progress";
import type { Kubernetes } from "../../node/kubernetes";
import type { Target } from "../names";
import { packagesFile, packagesFolder } from "../packagesFolder";
import { CLEAN, objectName } from "./objects";
import { packageBill } from "./packageBill";
import { packagesIn } from "./packageList";
import type { CleaningReport } from "./volume";

/** How long the API server has to hand the log over; a capture does not wait longer. */
const PATIENCE_MS = 30_000;
/** More than the list of any system takes: two thousand packages are 120 KB. */
const LONGEST_LOG = 8_000_000;

/**
 * Reads the packages from the log of the pod that has cleaned the copy, and writes them. To be called before the pod is
 * taken away. Never rejects.
 */
export async function keepPackages(
    cluster: Kubernetes,
    target: Target,
    namespace: string,
    { digest, packages }: Pick<CleaningReport, "digest" | "packages">,
): Promise<void> {
    const folder = packagesFolder(process.env);
    if (folder === undefined) {
        return;
    }
    if (packages === 0) {
        await withoutPackages(target, "they are in a database that only rpm can read");
        return;
    }
    try {
        const late = `the log of the pod was not there within ${PATIENCE_MS / 1000} s`;
        const log = await within(PATIENCE_MS, readLog(cluster, target, namespace), late);
        const list = packagesIn(log, digest);
        if (!list) {
            throw new UserError("the log of the pod that has cleaned the copy does not have all of them");
        }
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, packagesFile(target)), await packageBill(target, list, new Date()));
        await info(`${target.pool}: the packages of image ${target.version} are in ${packagesFile(target)}`);
    } catch (error) {
        await withoutPackages(target, brief(error, 400), warn);
    }
}

/** Says why a run that was to write the packages of an image does not. Never rejects. */
export async function withoutPackages({ pool, version }: Target, why: string, say = info): Promise<void> {
    if (packagesFolder(process.env) !== undefined) {
        await say(`${pool}: the packages of image ${version} are not written: ${why}`);
    }
}

function readLog({ core }: Kubernetes, target: Target, namespace: string): Promise<string> {
    const pod = { name: objectName(target), namespace, container: CLEAN, limitBytes: LONGEST_LOG };
    return withRetries(() => core.readNamespacedPodLog(pod));
}
