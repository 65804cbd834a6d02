// All that the local Azure keeps: settings, resources, disks' folders, machines. Every route gets it with its call.
import type { Collection } from "./collection";
import type { Faults } from "./faults";
import type { Folders } from "./folders";
import type { RateLimits } from "./http/headers";
import type { TokenService } from "./http/tokens";
import type { Operations } from "./operations";
import type { Policies } from "./policies";
import type { Principals } from "./rbac";
import type { RequestLog } from "./requestLog";
import type { ScaleSetRecord } from "./scaleSetRecord";
import type { SingleVm } from "./singleVm";
import type { Durations, VmEvent } from "./types";
import type { InstanceRecord, VmExtension, VmRecord } from "./vmRecord";
import type { ResourceGroup, Stored, Subscription } from "./wire";

/** All machines, and what can be done to them. */
export interface Machines {
    readonly instances: Collection<InstanceRecord>;
    readonly singles: Collection<SingleVm>;
    all(): VmRecord[];
    get(id: string): VmRecord | undefined;
    of(scaleSetId: string): InstanceRecord[];
    membersOf(scaleSetId: string): VmRecord[];
    create(vm: SingleVm): Promise<void>;
    notMade(vm: VmRecord): void;
    runExtension(vm: VmRecord, extension: VmExtension): Promise<void>;
    scale(scaleSet: ScaleSetRecord, capacity: number): Promise<void>;
    start(vm: VmRecord): Promise<void>;
    powerOff(vm: VmRecord, orderly: boolean): void;
    deallocate(vm: VmRecord): void;
    restart(vm: VmRecord): Promise<void>;
    reimage(vm: VmRecord): Promise<void>;
    applyModel(vm: InstanceRecord): void;
    delete(vm: VmRecord): Promise<void>;
    onVm(listener: (event: VmEvent) => void): () => void;
    stop(): void;
}

/** The whole local Azure. */
export interface Cloud {
    /** The first subscription, which signed-in processes are pointed at. */
    readonly subscriptionId: string;
    readonly subscriptions: Collection<Subscription>;
    readonly tenantId: string;
    readonly durations: Durations;
    url(): string;
    now(): Date;
    readonly groups: Collection<ResourceGroup>;
    readonly disks: Collection<Stored>;
    readonly snapshots: Collection<Stored>;
    readonly encryptionSets: Collection<Stored>;
    readonly galleries: Collection<Stored>;
    readonly definitions: Collection<Stored>;
    readonly versions: Collection<Stored>;
    readonly scaleSets: Collection<ScaleSetRecord>;
    readonly networkInterfaces: Collection<Stored>;
    readonly availabilitySets: Collection<Stored>;
    readonly folders: Folders;
    readonly fleet: Machines;
    readonly operations: Operations;
    readonly principals: Principals;
    readonly tokens: TokenService;
    readonly faults: Faults;
    readonly policies: Policies;
    readonly requests: RequestLog;
    readonly limits: RateLimits;
}
