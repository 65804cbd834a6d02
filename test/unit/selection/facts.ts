// A pool of nodes and a question about it, each test changing what it is about.
import type { Bootstrap } from "../../../policies/contract";
import type { CaptureWay } from "../../../components/capture/mode";
import { reconcile } from "../../../components/selection/history";
import type { Choice, GivenUp, SelectionRules } from "../../../components/selection/nodeSelection";
import { REBOOT_NEEDED } from "../../../components/node/kured";
import type { DecisionInputs } from "../../../components/selection/decide";
import type { Facts, PoolNode } from "../../../components/selection/rules";
import type { Verdicts } from "../../../components/selection/verdict";
import type { UnfinishedCapture } from "../../../components/selection/unfinished";
import type { MinimumNodes } from "../../../components/node/nodeList";
import type { GalleryVersion } from "../../../components/azure/imageVersions";

export const SCALE_SET =
    "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/Kube/providers/Microsoft.Compute/virtualMachineScaleSets/k8s-pool1-12345678-vmss";
export const NOW = new Date("2026-11-22T20:00:00Z");
export const IMAGE = "2026.1121.0409";

export function rules(changes: Partial<SelectionRules> = {}): SelectionRules {
    return {
        minimumReadyTimeMs: 3_600_000,
        newNodeTimeoutMs: 900_000,
        minimumCandidates: 1,
        prefer: "newest",
        ignoreNodes: [],
        ignoreAnnotations: [],
        ...changes,
    };
}

/** A node that fulfils every rule: kured saw its need today and rebooted it, Ready since. */
export function node(
    name: string,
    changes: Partial<PoolNode> & {
        needed?: string | null;
        readySince?: string;
        ready?: boolean;
        instance?: number;
    } = {},
): PoolNode {
    const {
        needed = "2026-11-22T04:12:09Z",
        readySince = "2026-11-22T05:00:00Z",
        ready = true,
        instance = 11,
    } = changes;
    return {
        name,
        labels: changes.labels ?? {},
        annotations: { ...(needed !== null && { [REBOOT_NEEDED]: needed }), ...changes.annotations },
        cordoned: changes.cordoned ?? false,
        deleting: changes.deleting ?? false,
        ready,
        kubeletVersion: changes.kubeletVersion ?? "v1.24.17",
        kuredWroteAt: changes.kuredWroteAt,
        details:
            "details" in changes
                ? changes.details
                : {
                      providerID: `azure://${SCALE_SET.replace("Kube", "kube")}/virtualMachines/${instance}`,
                      ready,
                      readySince: new Date(readySince),
                  },
    };
}

export function facts(changes: Partial<Facts> = {}): Facts {
    return { scaleSetId: SCALE_SET, now: NOW, newest: IMAGE, rules: rules(), built: [], pending: [], ...changes };
}

export function choice(version: string, name = "node-a", changes: Partial<Choice> = {}): Choice {
    return { version, node: name, instanceId: "11", rebootNeededAt: "2026-11-21T04:09:30Z", attempt: 1, ...changes };
}

export function image(version: string, changes: Partial<GalleryVersion> = {}): GalleryVersion {
    return { version, state: "Succeeded", attempt: 1, ...changes };
}

/** A question as the provider asks it, from a history and a gallery. */
export function question(
    changes: {
        history?: Choice[];
        gallery?: GalleryVersion[];
        rules?: Partial<SelectionRules>;
        now?: Date;
        live?: string;
        maxHistory?: number;
        node?: string;
        pin?: string;
        ownNode?: string;
        unfinished?: UnfinishedCapture[];
        rebooting?: string[];
        minimumReadyNodes?: MinimumNodes;
        givenUp?: GivenUp[];
        way?: CaptureWay;
        bootstrap?: Bootstrap;
        verdicts?: Partial<Verdicts>;
    } = {},
): DecisionInputs {
    const { history: versions = [], gallery = [], live, maxHistory = 3, node: named, pin, ownNode } = changes;
    const history = reconcile(versions, gallery, live);
    return {
        pool: "pool1",
        facts: facts({
            newest: history.newest,
            pending: history.pending,
            built: history.built,
            rules: rules(changes.rules),
            now: changes.now ?? NOW,
            ownNode,
        }),
        ...{ history, gallery, live, maxHistory, node: named, pin },
        ...{ unfinished: changes.unfinished ?? [], givenUp: changes.givenUp ?? [] },
        ...{ rebooting: changes.rebooting ?? [], minimumReadyNodes: changes.minimumReadyNodes },
        way: changes.way ?? { mode: "in-place", why: "kamino:capture" },
        bootstrap: changes.bootstrap ?? "remove",
        verdicts: { rejected: [], trusted: [], failed: [], ...changes.verdicts },
    };
}
