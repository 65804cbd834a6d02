// What is on a node's disk, as its kubelet tells, and how it differs from what the image before was made of. Pure.
import type { V1NodeSystemInfo } from "@kubernetes/client-node";
import { plainName } from "../core/text";

/** Versions of what matters most on a node's disk. */
export interface DiskContent {
    /** Release of the kernel that runs. */
    kernel: string;
    /** Name of the operating system with its release. */
    os: string;
    /** The container runtime, as in `containerd 1.7.15`. */
    runtime: string;
    kubelet: string;
}

/**
 * What a node says of itself; undefined before its kubelet has said anything. Whoever is root on it can have it say
 * anything, and so it is only shown as names.
 */
export function contentOf(info: V1NodeSystemInfo | undefined): DiskContent | undefined {
    return info?.kernelVersion
        ? {
              kernel: plainName(info.kernelVersion),
              os: plainName(info.osImage),
              runtime: plainName(info.containerRuntimeVersion.replace("://", " ")),
              kubelet: plainName(info.kubeletVersion),
          }
        : undefined;
}

const LABELS: Record<keyof DiskContent, string> = { kernel: "kernel ", os: "", runtime: "", kubelet: "kubelet " };

/**
 * `kernel 5.15.0-1100-azure → 5.15.0-1103-azure, containerd 1.7.15 → 1.7.20`; all of it where there is nothing to
 * compare it with.
 */
export function describeContent(content: DiskContent, before: DiskContent | undefined): string {
    const keys = Object.keys(LABELS) as (keyof DiskContent)[];
    if (!before) {
        return `in it: ${keys.map((key) => LABELS[key] + content[key]).join(", ")}`;
    }
    // The state of earlier versions has it as the node said it.
    const was = (key: keyof DiskContent) => plainName(before[key]);
    const changed = keys.filter((key) => content[key] !== was(key));
    return changed.length === 0
        ? "kernel, operating system, container runtime and kubelet as before"
        : `new in it: ${changed.map((key) => `${LABELS[key]}${was(key)} → ${content[key]}`).join(", ")}`;
}
