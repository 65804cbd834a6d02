// The environment variables by which the schedule tells a run where it is: written in pod.ts, read in runner/pod.ts.
// Plain data.
import { OWN_NODE_VARIABLE } from "../node/ownNode";

/** What each variable holds, and its name. */
export const RUN_ENVIRONMENT = {
    podName: "POD_NAME",
    podNamespace: "POD_NAMESPACE",
    /** The node that the run is on, which it never captures. */
    nodeName: OWN_NODE_VARIABLE,
    /** How long the run may take, in seconds: it stops by itself then. */
    stopAfter: "KAMINO_STOP_AFTER",
    /** The Lease that the schedule's pods acquire in turn. */
    lease: "KAMINO_LEASE",
    /** The ConfigMap for the report. */
    report: "KAMINO_REPORT_CONFIG_MAP",
    /** The folder with the service account's token and the cluster's certificate. */
    serviceAccount: "KAMINO_SERVICE_ACCOUNT",
} as const;
