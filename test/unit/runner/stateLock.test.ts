// Telling a stale lock of the stack's state from a live one.
import { describe, expect, test } from "vitest";
import { knownHost, lockedMessage, locksIn, staleReason, type Lock, type LockProbe } from "../../../runner/stateLock";

const LOCKED = `error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.
  azblob://state/.pulumi/locks/organization/kamino/prod/a.json: created by kamino@kamino-29384756-x7k2p (pid 17) at 2026-11-22T04:00:12Z
  azblob://state/.pulumi/locks/organization/kamino/prod/b.json: created by Ann Smith@laptop (pid 4711) at 2026-11-22T09:30:00+02:00`;

const lock: Lock = { user: "kamino", host: "kamino-29384756-x7k2p", pid: 17, since: "2026-11-22T04:00:12Z" };

test("the engine's refusal names each lock", () => {
    expect(locksIn(LOCKED)).toEqual([
        lock,
        { user: "Ann Smith", host: "laptop", pid: 4711, since: "2026-11-22T09:30:00+02:00" },
    ]);
});

test("a failure for another reason has no locks", () => {
    expect(locksIn("error: violates plan: created by x@y (pid 1) at now")).toEqual([]);
});

test("the message names who holds it and how to cancel it", () => {
    expect(lockedMessage([lock])).toBe(
        "the stack's state is locked by kamino@kamino-29384756-x7k2p (pid 17) since 2026-11-22T04:00:12Z; wait for that run to " +
            "end, or run pulumi cancel when you know that it is dead",
    );
});

describe("a lock is stale", () => {
    const probe: LockProbe = {
        host: "here",
        isRunning: (pid) => pid === 1,
        hasEnded: (pod) => Promise.resolve(pod === "ended"),
    };
    test.each([
        ["of this host, whose process is gone", { host: "here", pid: 2 }, "process 2 on this host is gone"],
        ["of a pod that has ended, whatever its process id", { host: "ended", pid: 1 }, "the pod ended has ended"],
    ])("%s", async (_, which, why) => {
        expect(await staleReason({ ...lock, ...which }, probe)).toBe(why);
    });
    test.each([
        ["of this host, whose process is there", { host: "here", pid: 1 }],
        ["of a pod that runs", { host: "running" }],
        ["of somebody's laptop, however old", { host: "laptop", since: "2020-01-01T00:00:00Z" }],
    ])("but not one %s", async (_, which) => {
        expect(await staleReason({ ...lock, ...which }, probe)).toBeUndefined();
    });
});

describe("the name of this host proves whose a process is", () => {
    const machine = { host: "here", env: {}, seesAllProcesses: true, isScheduled: false };
    test.each([
        ["on a machine", machine],
        ["in the scheduled pod, whose name no other has", { ...machine, seesAllProcesses: false, isScheduled: true }],
        ["where a variable of a CI service is empty", { ...machine, env: { GITHUB_ACTIONS: "", TF_BUILD: "False" } }],
    ])("%s", (_where, place) => expect(knownHost(place)).toBe("here"));

    test.each([
        ["on GitHub's machines, of which many have one name", { ...machine, env: { GITHUB_ACTIONS: "true" } }],
        ["on those of Azure Pipelines", { ...machine, env: { TF_BUILD: "True" } }],
        [
            "in a container, which may have its host's name and sees its own processes",
            { ...machine, seesAllProcesses: false },
        ],
        ["where the machine has no name", { ...machine, host: "localhost" }],
    ])("but not %s: a lock of that name may be a live run's", async (_where, place) => {
        const host = knownHost(place);
        expect(host).toBeUndefined();
        const probe = { host, isRunning: () => false, hasEnded: () => Promise.resolve(false) };
        expect(await staleReason({ ...lock, host: place.host }, probe)).toBeUndefined();
    });
});
