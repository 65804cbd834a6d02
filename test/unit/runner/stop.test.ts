// Which processes hear of a stop.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { dynamicProvidersUnder, isPulumi, runningProcesses } from "../../../runner/stop";

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
