// Which processes hear of a stop.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { dynamicProvidersUnder, isPulumi, runningProcesses, seesAllProcesses, stopInTime } from "../../../runner/stop";

afterEach(() => vi.useRealTimers());

test("a scheduled run stops by itself when its time is over, once, and says why", () => {
    vi.useFakeTimers();
    const reasons: string[] = [];
    stopInTime({ KAMINO_STOP_AFTER: "28800" }, (why) => reasons.push(why));
    vi.advanceTimersByTime(28_799_000);
    expect(reasons).toEqual([]);
    vi.advanceTimersByTime(100_000_000);
    expect(reasons).toEqual(["the run has taken 8h (kamino:schedule.activeDeadline)"]);
});

test.each([undefined, "", "soon", "0", "-5", "99999999"])(
    "a run whose time is %j does not stop by itself",
    (stopAfter) => {
        vi.useFakeTimers();
        stopInTime({ KAMINO_STOP_AFTER: stopAfter }, () => expect.unreachable());
        vi.runAllTimers();
        expect(vi.getTimerCount()).toBe(0);
    },
);

const LOADER = "./components/engine/typescript.cjs";

/** Whether processes can be started here that see no others, which takes root on most systems. */
function canUnshare(): boolean {
    return spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0;
}

test("the processes of dynamic resources below the given pulumi, and no other's", () => {
    const processes = [
        { pid: 10, parent: 1, command: "pulumi up" },
        { pid: 11, parent: 10, command: "pulumi-language-nodejs 127.0.0.1:1" },
        { pid: 12, parent: 10, command: "/bin/sh /usr/bin/pulumi-resource-pulumi-nodejs 127.0.0.1:1" },
        { pid: 13, parent: 12, command: "node /app/node_modules/@pulumi/pulumi/cmd/dynamic-provider 127.0.0.1:1" },
        { pid: 20, parent: 1, command: "pulumi up" },
        { pid: 21, parent: 20, command: "node dynamic-provider" },
    ];
    expect(dynamicProvidersUnder(10, processes)).toEqual([12, 13]);
});

test.runIf(process.platform === "linux")("processes are read with their parent and command line", () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)", "a (strange) name"]);
    try {
        const found = runningProcesses().find(({ pid }) => pid === child.pid);
        expect(found).toMatchObject({ parent: process.pid });
        expect(found?.command).toContain("a (strange) name");
    } finally {
        child.kill();
    }
});

test.runIf(process.platform === "linux")(
    "a process counts as pulumi's only while it is there and is pulumi",
    async () => {
        const start = (name: string) => spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)", name]);
        const [pulumi, other] = [start("pulumi"), start("something else")];
        try {
            expect(isPulumi(pulumi.pid ?? 0)).toBe(true);
            expect(isPulumi(other.pid ?? 0)).toBe(false);
        } finally {
            [pulumi, other].forEach((child) => child.kill());
        }
        await once(pulumi, "exit");
        expect(isPulumi(pulumi.pid ?? 0)).toBe(false);
    },
);

test.runIf(canUnshare())("a container does not see all processes of its host, which itself does", () => {
    const folder = join(__dirname, "..", "..", "..");
    const script = `console.log(require("./runner/stop").seesAllProcesses())`;
    const [outside, inside] = [[], ["unshare", "--pid", "--fork", "--mount-proc"]].map((wrapper) => {
        const [command, ...args] = [...wrapper, process.execPath, "--require", LOADER, "-e", script];
        return spawnSync(command, args, { cwd: folder, encoding: "utf8" }).stdout.trim();
    });
    expect(outside).toBe(String(seesAllProcesses()));
    expect(inside).toBe("false");
});
