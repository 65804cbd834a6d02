// What a test expects of a node after a capture. Apart from the captures, which run without vitest as well.
import { expect } from "vitest";
import type { Vm } from "../../../sandbox/azure";
import type { Sandbox } from "../../../sandbox/sandbox";
import { IN_SERVICE, serviceOf, snapshotsOf } from "./capture";

/** The node is as it was before any capture, and nothing of the capture is left. */
export async function expectInService(sandbox: Sandbox, vm: Vm): Promise<void> {
    await sandbox.nodes.settled();
    expect(await serviceOf(sandbox, vm)).toMatchObject(IN_SERVICE);
    expect(await snapshotsOf(sandbox, vm)).toEqual([]);
}
