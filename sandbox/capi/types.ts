// What a running Cluster API looks like to tests.
import type { V1Node } from "@kubernetes/client-node";
import type { AzureSandbox, LoggedRequest, ScaleSet, Vm } from "../azure";
import type { Cluster } from "../cluster";
import type { Objects } from "./kinds";
import type { MachineDeployments } from "./machineDeployments";
import type { MachinePoolOptions } from "./manifests";
import type { Manager } from "./modules";
import type { Pass } from "./passes";
import type { FeatureGates } from "./programs";

/** How to start it. */
export interface ClusterApiOptions {
    azure: AzureSandbox;
    /** Both the management cluster and the one that it manages. Somebody plays its nodes. */
    cluster: Cluster;
    /** Its own folder; made if need be. */
    directory: string;
    /** CAPZ's feature gates, besides MachinePool=true and ASOAPI=false. */
    featureGates?: FeatureGates;
    /** Starts the kubeadm bootstrap provider as well. Default false. */
    kubeadmBootstrap?: boolean;
}

/** Running managers and their cluster. */
export interface ClusterApi {
    /** The management cluster's administrator. */
    readonly kubeconfig: string;
    /** Calls on Cluster API's objects. */
    readonly objects: Objects;
    /** Its MachineDeployments, whose machines are VMs. */
    readonly deployments: MachineDeployments;
    /** Makes the Cluster with all that it needs; called once, before the first pool. */
    createCluster(): Promise<void>;
    /** Makes a pool and waits until its nodes are Ready and have their Machines. */
    createMachinePool(options: MachinePoolOptions): Promise<ScaleSet>;
    /** Waits until a pool has this many Ready nodes, each with a Machine, and no other machine. */
    settled(pool: string, replicas: number): Promise<V1Node[]>;
    /** Changes the number of replicas, and waits until they are there. */
    scale(pool: string, replicas: number): Promise<V1Node[]>;
    /** The scale set that CAPZ made for a pool. */
    scaleSet(pool: string): ScaleSet;
    vms(pool: string): Vm[];
    /** A pool's nodes that there are. */
    nodes(pool: string): Promise<V1Node[]>;
    /** What a manager has printed. */
    log(manager: Manager): string;
    /** CAPZ's looks at a pool's machines so far. */
    passes(pool: string): Pass[];
    /** Lets CAPZ look at a pool again: without a reason it may sleep for ten minutes. */
    poke(pool: string): Promise<void>;
    /** Pokes until there are this many passes that `counts`, from `from` on; returns those. */
    passesWhere(pool: string, from: number, wanted: number, counts: (pass: Pass) => boolean): Promise<Pass[]>;
    /** What Azure was asked to delete: requests whose method is DELETE, and the scale set's own delete action. */
    deletions(): LoggedRequest[];
    /** Hosts besides Azure's that the managers wanted to reach. */
    readonly refused: string[];
    /** Rejects, in one line, if a manager ends by itself. */
    readonly failed: Promise<never>;
    /** Ends the managers. Cluster and Azure are left as they are. */
    stop(): Promise<void>;
}
