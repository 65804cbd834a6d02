// What attaches a copy to a node and cleans it there: a volume, a claim, and a pod without any privilege. Pure.
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from "@kubernetes/client-node";
import { cleaningScript } from "../cleaning";
import { DISK_DRIVER } from "../mode";
import { podName, scaleSetHash, type Target } from "../names";
import { podOf } from "../pods";
import type { DiskCopy } from "./disk";
import type { FileSystem } from "./fileSystem";
import type { CleanerPlace } from "./place";
import { OWN_LABEL } from "../../node/ownLabel";

/** A target, and which of its copies: another one than the first where that is still attached to a node that died. */
export interface CopyTarget extends Target {
    /** 2 or more; the first one without it. */
    nth?: number;
}

/** What a copy is cleaned with. */
export interface CopyCleaning {
    target: CopyTarget;
    copy: DiskCopy;
    namespace: string;
    image: string;
    place: CleanerPlace;
    location: string;
    /** The number of the root file system's partition. */
    rootPartition: number;
    fileSystem: FileSystem;
    cleanPaths: string[];
    /** The kernel that the donor runs. */
    kernel: string;
    /** Whether new machines of the pool get custom data that makes them join. */
    customData: "kept" | "dropped";
}

/** Cleaning takes seconds as a rule; emptying a large container storage on a slow disk takes minutes. */
const POD_DEADLINE_SECONDS = 1800;
const MOUNT = "/disk";
export const CLEAN = "clean";

/** The name of the volume, the claim and the pod of a copy. */
export function objectName(target: CopyTarget): string {
    return podName(target, purposeOf(target));
}

/** What the names of a copy's parts have in them. */
export function purposeOf({ nth }: CopyTarget): `copy${number | ""}` {
    return `copy${nth ?? ""}`;
}

/** Labels by which the objects of one scale set's captures are found. */
export function labelsOf(target: Target): Record<string, string> {
    return {
        ...OWN_LABEL,
        "app.kubernetes.io/component": "capture",
        "kamino/scale-set": scaleSetHash(target),
    };
}

/**
 * The copy as a volume, bound to its claim. Kubernetes never deletes its disk.
 *
 * `discard` has the file system give back what is deleted, so that it reads as zeros in the image.
 */
export function volumeOf(cleaning: CopyCleaning): V1PersistentVolume {
    const { target, copy, namespace, place, location, rootPartition, fileSystem } = cleaning;
    const name = objectName(target);
    // What the driver writes on its nodes: empty where machines are in no zone.
    const zone = place.zone ? `${location}-${place.zone}` : "";
    const expression = { key: "topology.disk.csi.azure.com/zone", operator: "In", values: [zone] };
    return {
        metadata: { name, labels: labelsOf(target) },
        spec: {
            accessModes: ["ReadWriteOnce"],
            capacity: { storage: `${copy.sizeGB}Gi` },
            claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", name, namespace },
            csi: {
                driver: DISK_DRIVER,
                volumeHandle: copy.diskId,
                fsType: fileSystem,
                volumeAttributes: { partition: String(rootPartition), cachingMode: "None" },
            },
            mountOptions: ["discard"],
            nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
            persistentVolumeReclaimPolicy: "Retain",
            storageClassName: "",
            volumeMode: "Filesystem",
        },
    };
}

/** The claim to that volume alone. */
export function claimOf({ target, copy, namespace }: CopyCleaning): V1PersistentVolumeClaim {
    const name = objectName(target);
    return {
        metadata: { name, namespace, labels: labelsOf(target) },
        spec: {
            accessModes: ["ReadWriteOnce"],
            resources: { requests: { storage: `${copy.sizeGB}Gi` } },
            storageClassName: "",
            volumeName: name,
        },
    };
}

/**
 * The pod that cleans the copy. It is root only as far as changing other owners' files takes it, sees no file of its
 * node and has no credentials. What it did is its termination message.
 */
export function copyPod(cleaning: CopyCleaning): V1Pod {
    const { target, namespace, image, place, cleanPaths, kernel, customData } = cleaning;
    const name = objectName(target);
    const hosts = { key: "kubernetes.io/hostname", operator: "In", values: place.hosts };
    const pod = podOf({ name, namespace }, target, {
        activeDeadlineSeconds: POD_DEADLINE_SECONDS,
        affinity: {
            nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [hosts] }] },
            },
        },
        // The nodes are chosen; their pools' own taints say nothing against this pod. One that is cordoned or falls ill
        // before the pod is scheduled gets one taint more, and is not used.
        tolerations: place.taints.map((key) => ({ key, operator: "Exists", effect: "NoSchedule" })),
        containers: [
            {
                name: CLEAN,
                image,
                imagePullPolicy: "IfNotPresent",
                command: ["/bin/sh", "-c", cleaningScript("copy")],
                env: [
                    { name: "HOST_ROOT", value: MOUNT },
                    { name: "KAMINO_NODE", value: target.node },
                    { name: "KAMINO_VERSION", value: target.version },
                    { name: "KAMINO_KERNEL", value: kernel },
                    { name: "KAMINO_CUSTOM_DATA", value: customData },
                    { name: "KAMINO_CLEAN_PATHS", value: cleanPaths.join("\n") },
                    { name: "KAMINO_RESULT", value: "/dev/termination-log" },
                ],
                terminationMessagePath: "/dev/termination-log",
                terminationMessagePolicy: "FallbackToLogsOnError",
                securityContext: {
                    runAsUser: 0,
                    runAsGroup: 0,
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    // To read and remove files of any owner, and to keep their times and modes.
                    capabilities: { drop: ["ALL"], add: ["DAC_OVERRIDE", "FOWNER"] },
                    seccompProfile: { type: "RuntimeDefault" },
                },
                resources: { requests: { cpu: "50m", memory: "32Mi" }, limits: { memory: "256Mi" } },
                volumeMounts: [{ name: "disk", mountPath: MOUNT }],
            },
        ],
        volumes: [{ name: "disk", persistentVolumeClaim: { claimName: name } }],
    });
    pod.metadata!.labels = labelsOf(target);
    return pod;
}
