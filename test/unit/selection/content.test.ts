// What a bump changes inside, as far as the nodes tell.
import { describe, expect, it } from "vitest";
import { decide } from "../../../components/selection/decide";
import { contentOf, describeContent, type DiskContent } from "../../../components/selection/content";
import { logLine } from "../../../components/selection/explain";
import { IMAGE, choice, image, node, question } from "./facts";

const OLD: DiskContent = {
    ...{ kernel: "5.15.0-1100-azure", os: "Ubuntu 22.04.4 LTS" },
    ...{ runtime: "containerd 1.7.15", kubelet: "v1.27.4" },
};
const NEW: DiskContent = { ...OLD, kernel: "5.15.0-1103-azure", os: "Ubuntu 22.04.5 LTS" };

describe("what is on a node's disk", () => {
    it("is what its kubelet says", () => {
        const rest = { architecture: "amd64", bootID: "b", kubeProxyVersion: "", machineID: "m", systemUUID: "u" };
        const info = { ...rest, operatingSystem: "linux", kernelVersion: OLD.kernel, osImage: OLD.os };
        const said = { ...info, containerRuntimeVersion: "containerd://1.7.15", kubeletVersion: "v1.27.4" };
        expect(contentOf(said)).toEqual(OLD);
        expect(contentOf({ ...said, kernelVersion: "" })).toBeUndefined();
        expect(contentOf(undefined)).toBeUndefined();
    });

    it("is shown as names, whatever a kubelet says: no command of a CI service, no line end, no comment", () => {
        const evil = "x\n::add-mask::y ##vso[task.setvariable variable=BASH_ENV]/tmp/z <!-- kamino-plan: 1 -->";
        const rest = { architecture: "amd64", bootID: "b", kubeProxyVersion: "", machineID: "m", systemUUID: "u" };
        const versions = { kernelVersion: evil, osImage: evil, containerRuntimeVersion: evil, kubeletVersion: evil };
        const said = contentOf({ ...rest, operatingSystem: "linux", ...versions })!;
        const before: DiskContent = { kernel: evil, os: evil, runtime: evil, kubelet: evil };
        for (const text of [
            ...Object.values<string>({ ...said }),
            describeContent(NEW, before),
            describeContent(said, before),
        ]) {
            expect(text).toMatch(/^[\w.+~:()/, ?→-]+…?$/);
        }
        expect(describeContent(said, before)).toMatch(/ as before$/);
    });

    it("is described in full, or by what differs from the image before", () => {
        expect(describeContent(OLD, undefined)).toBe(
            "in it: kernel 5.15.0-1100-azure, Ubuntu 22.04.4 LTS, containerd 1.7.15, kubelet v1.27.4",
        );
        expect(describeContent(NEW, OLD)).toBe(
            "new in it: kernel 5.15.0-1100-azure → 5.15.0-1103-azure, Ubuntu 22.04.4 LTS → Ubuntu 22.04.5 LTS",
        );
        expect(describeContent(OLD, { ...OLD })).toBe(
            "kernel, operating system, container runtime and kubelet as before",
        );
    });
});

describe("a decision", () => {
    const fresh = node("n");
    fresh.details = { ...fresh.details!, content: NEW };
    const ask = (content?: DiskContent) => {
        const asked = question({ history: [choice(IMAGE, "a", { content })], gallery: [image(IMAGE)] });
        const decision = decide([fresh], asked);
        return { ...decision, line: logLine("pool1", decision, asked.facts, IMAGE) };
    };

    it("says what is new in the image, and records what is in it", () => {
        const { line, versions } = ask(OLD);
        expect(line).toMatch(/; new in it: kernel 5\.15\.0-1100-azure → 5\.15\.0-1103-azure, Ubuntu .* LTS$/);
        expect(versions.at(-1)?.content).toEqual(NEW);
    });

    it("tells all of it where the image before was made by an earlier version of this program", () => {
        expect(ask().line).toMatch(
            /; in it: kernel 5\.15\.0-1103-azure, Ubuntu 22\.04\.5 LTS, containerd .*, kubelet .*$/,
        );
    });
});
