// Disk encryption sets: made by tests, read by programs.
import type { Route } from "../http/route";
import { COMPUTE, find, idOf, listed, view } from "./common";

const action = "Microsoft.Compute/diskEncryptionSets/read";

/** Routes of disk encryption sets. */
export const routes: Route[] = [
    {
        method: "GET",
        path: `${COMPUTE}/diskEncryptionSets/:diskEncryptionSetName`,
        action,
        type: "disks",
        handle: (call) => {
            const id = idOf(call, "diskEncryptionSets", "diskEncryptionSetName");
            return { status: 200, body: view(find(call, call.cloud.encryptionSets, id)) };
        },
    },
    {
        method: "GET",
        path: `${COMPUTE}/diskEncryptionSets`,
        action,
        beyondScope: 1,
        type: "disks",
        handle: (call) => ({
            status: 200,
            body: { value: listed(call, call.cloud.encryptionSets).map((one) => view(one)) },
        }),
    },
];
