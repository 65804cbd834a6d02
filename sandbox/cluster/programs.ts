// How each of the cluster's programs is started: the flags, with the reason where it isn't plain.
import { join } from "node:path";
import type { Program } from "./supervisor";

/** Where the programs of one cluster find each other and their files. */
export interface Layout {
    /** Folder of this cluster: certificates, etcd's data, kubeconfigs and logs are in it. */
    directory: string;
    ports: { api: number; etcdClient: number; etcdPeer: number };
    executables: { cluster: string; kwok: string };
    /** Stage files: how kwok's nodes and pods live. */
    stages: string[];
    /** IP address of this machine that real kubelets use, if there are to be any. */
    addressForKubelets?: string;
    /** Whether nodes stay as they are though nothing plays them. */
    silentNodes?: boolean;
}

/**
 * Seconds after a played node's last sign of life until it is NotReady (Kubernetes' own default is 50). On a machine
 * that is busy otherwise signs of life come late, and a node that was NotReady for a moment is not Ready since days.
 */
const NODE_GRACE_SECONDS = 120;

/** kwok renews a node's lease every quarter of this: twelve times within the controller manager's patience. */
const NODE_LEASE_SECONDS = 40;

/** The same for real kubelets, which may run in slow emulated machines. */
const REAL_NODE_GRACE_SECONDS = 60;

/** The same for nodes that give no sign of life at all, longer than any run. */
const SILENT_NODE_GRACE_SECONDS = 86_400;

/** Label of the nodes that have a working kubelet, which kwok plays. */
export const PLAYED_LABEL = "sandbox.kamino/kubelet";

/** Annotation of a node whose past is played: since when it is Ready, RFC 3339. kwok writes that, however often. */
export const READY_SINCE = "played.sandbox/ready-since";

const file = (layout: Layout, name: string) => join(layout.directory, name);

function program(layout: Layout, name: string, flags: Record<string, string>): Program {
    const [executable, ...first] = name === "kwok" ? [layout.executables.kwok] : [layout.executables.cluster, name];
    const written = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
    return { name, command: [executable, ...first, ...written], log: file(layout, `${name}.log`) };
}

/** etcd, which only the API server can talk to. */
export function etcd(layout: Layout): Program {
    return program(layout, "etcd", {
        "data-dir": file(layout, "etcd"),
        "listen-client-url": `https://127.0.0.1:${layout.ports.etcdClient}`,
        "listen-peer-url": `https://127.0.0.1:${layout.ports.etcdPeer}`,
        "cert-file": file(layout, "server.crt"),
        "key-file": file(layout, "server.key"),
        "trusted-ca-file": file(layout, "ca.crt"),
    });
}

/**
 * The API server: RBAC, TLS, tokens of service accounts; its admission plugins are the defaults, PodSecurity among
 * them.
 */
export function apiServer(layout: Layout): Program {
    return program(layout, "kube-apiserver", {
        "etcd-servers": `https://127.0.0.1:${layout.ports.etcdClient}`,
        "etcd-cafile": file(layout, "ca.crt"),
        "etcd-certfile": file(layout, "etcd-client.crt"),
        "etcd-keyfile": file(layout, "etcd-client.key"),
        "bind-address": layout.addressForKubelets ? "0.0.0.0" : "127.0.0.1",
        "advertise-address": "127.0.0.1",
        // A service's endpoints must not be loopback addresses, and "kubernetes" would be the one that is.
        "endpoint-reconciler-type": "none",
        "secure-port": String(layout.ports.api),
        "tls-cert-file": file(layout, "server.crt"),
        "tls-private-key-file": file(layout, "server.key"),
        "client-ca-file": file(layout, "ca.crt"),
        // As kubeadm sets it up: a kubelet may write its own node alone, and joins by a bootstrap token.
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "service-cluster-ip-range": "10.0.0.0/16",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": file(layout, "service-accounts.key"),
        "service-account-signing-key-file": file(layout, "service-accounts.key"),
        "kubelet-client-certificate": file(layout, "kubelet-client.crt"),
        "kubelet-client-key": file(layout, "kubelet-client.key"),
        ...(layout.addressForKubelets
            ? // A kubelet of kubeadm signs its serving certificate itself.
              { "kubelet-preferred-address-types": "InternalIP" }
            : // Logs of pods are fetched from the node player, at the external address of each node.
              {
                  "kubelet-certificate-authority": file(layout, "ca.crt"),
                  "kubelet-preferred-address-types": "ExternalIP",
              }),
        // Pods are allowed to be privileged, as on AKS Engine's clusters.
        "allow-privileged": "true",
        profiling: "false",
    });
}

/**
 * The controllers that make Deployments, DaemonSets, CronJobs, PodDisruptionBudgets and the taints of dead nodes real.
 */
export function controllerManager(layout: Layout): Program {
    const kubeconfig = file(layout, "kube-controller-manager.kubeconfig");
    return program(layout, "kube-controller-manager", {
        kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "secure-port": "0",
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        // Forty controllers ask for a token each at start: at the default rate that takes five seconds.
        "kube-api-qps": "500",
        "kube-api-burst": "1000",
        "service-account-private-key-file": file(layout, "service-accounts.key"),
        "root-ca-file": file(layout, "ca.crt"),
        // For `kubeadm join`: the cluster's public information is signed for tokens, and kubelets' certificates are by
        // the authority.
        controllers: "*,bootstrapsigner,tokencleaner",
        "cluster-signing-cert-file": file(layout, "ca.crt"),
        "cluster-signing-key-file": file(layout, "ca.key"),
        "node-monitor-grace-period": `${graceSeconds(layout)}s`,
        "node-monitor-period": "1s",
        profiling: "false",
    });
}

function graceSeconds({ addressForKubelets, silentNodes }: Layout): number {
    const usual = addressForKubelets ? REAL_NODE_GRACE_SECONDS : NODE_GRACE_SECONDS;
    return silentNodes ? SILENT_NODE_GRACE_SECONDS : usual;
}

/** The scheduler. */
export function scheduler(layout: Layout): Program {
    const kubeconfig = file(layout, "kube-scheduler.kubeconfig");
    return program(layout, "kube-scheduler", {
        kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "secure-port": "0",
        "leader-elect": "false",
        profiling: "false",
    });
}

/** kwok, which plays the kubelet of every node that carries the label. */
export function kwok(layout: Layout): Program {
    const flags = program(layout, "kwok", {
        kubeconfig: file(layout, "kwok.kubeconfig"),
        "manage-all-nodes": "false",
        "manage-nodes-with-label-selector": PLAYED_LABEL,
        "node-lease-duration-seconds": String(NODE_LEASE_SECONDS),
        "server-address": "",
    });
    return { ...flags, command: [...flags.command, ...layout.stages.flatMap((stage) => ["--config", stage])] };
}
