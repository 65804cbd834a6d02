// Names that a capture gives to what it makes, always the same ones for the same capture. Pure.
import { shortDigest } from "../core/digest";
import { UserError } from "../core/errors";
import { singleVmsIn } from "../core/machinesId";
import { parseVersion } from "../core/version";
import { parseArmId } from "../azure/ids";
import { OWNED } from "../azure/tags";
import { NODE_NAME_FORMAT } from "../node/nodeName";

/** Which disk is captured, for what. */
export interface Target {
    pool: string;
    version: string;
    node: string;
    /** ARM id of the scale set, or the `machinesId` of a pool of single VMs. */
    scaleSetId: string;
    /** Number in the scale set, or name of a single VM. */
    instanceId: string;
}

/**
 * Checks everything that becomes part of a name, an address or a pod: it comes from the cluster, and anyone may have
 * written it.
 *
 * @throws UserError naming what is not as it must be
 */
export function checkTarget({ version, node, scaleSetId, instanceId }: Omit<Target, "pool">): void {
    parseArmId(scaleSetId);
    // Scale sets of uniform orchestration number their VMs; a single one has a name.
    const instance = singleVmsIn(scaleSetId) === undefined ? /^\d{1,20}$/ : /^[a-z0-9][\w.-]{0,63}$/i;
    const wrong = [
        [node, "a node name", node.length <= 253 && NODE_NAME_FORMAT.test(node)],
        [version, "an image version", parseVersion(version) !== undefined],
        [instanceId, "an instance id", instance.test(instanceId)],
    ].find(([, , fits]) => !fits);
    if (wrong) {
        throw new UserError(`${JSON.stringify(wrong[0]).slice(0, 80)} is not ${wrong[1]}; the disk is not captured`);
    }
}

/**
 * Name of the snapshot: at most 80 characters of those that Azure allows. The hash keeps apart what pools of the same
 * name in other scale sets, or other nodes, give the same version to.
 * Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftcompute
 */
export function snapshotName(target: Target, purpose?: `copy${number | ""}`): string {
    const { pool, version, scaleSetId, instanceId, node } = target;
    const digest = shortDigest(scaleSetId.toLowerCase(), instanceId, node);
    const tail = `-${version}-${digest}${purpose ? `-${purpose}` : ""}`;
    const head = `kamino-${pool.replace(/[^\w.-]/g, "-")}`.slice(0, 80 - tail.length);
    return head + tail;
}

/**
 * The tags by which a snapshot or a copied disk tells whose it is.
 *
 * @param isCopy whether it is of a disk that is copied, not captured in place
 */
export function ownTags(target: Target, isCopy = false): Record<string, string> {
    const { node, version, pool, instanceId } = target;
    const own = { ...OWNED, pool, node, version, instance: instanceId };
    return { ...own, ...(isCopy && { "scale-set": scaleSetHash(target) }) };
}

/** Name of a pod of this capture: at most 63 characters, so that it is a valid host name as well. */
export function podName({ version, node }: Pick<Target, "version" | "node">, purpose = "clean"): string {
    const tail = `-${version.replace(/\./g, "-")}-${shortDigest(node, version)}`;
    const head = `${purpose}-${node.replace(/\./g, "-")}`.slice(0, 63 - tail.length).replace(/-+$/, "");
    return head + tail;
}

/** A scale set in eight characters, for labels and tags. */
export function scaleSetHash({ scaleSetId }: Pick<Target, "scaleSetId">): string {
    return shortDigest(scaleSetId.toLowerCase());
}
