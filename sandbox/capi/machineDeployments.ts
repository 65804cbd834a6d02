// MachineDeployments on a running Cluster API: made, scaled, pointed at another template, and looked at.
import type { V1Node } from "@kubernetes/client-node";
import type { AzureSandbox, Vm } from "../azure";
import { providerId } from "../nodes/nodeObject";
import { readyCondition, type Api } from "../nodes/api";
import type { KindObject, Objects } from "./kinds";
import * as manifests from "./machineManifests";
import { DEPLOYMENT_LABEL, type MachineDeploymentOptions } from "./machineManifests";
import type { Managers } from "./managers";

/** How often Cluster API and CAPZ have looked: through deployments, through sets, through Azure's machines. */
export interface Looks {
    deployments: number;
    sets: number;
    machines: number;
}

/** What deployments need of the rest of a running Cluster API. */
export interface Surroundings {
    api: Api;
    azure: AzureSandbox;
    objects: Objects;
    managers: Pick<Managers, "names" | "reconciles">;
    /** Makes the Secret with a cloud-config for all machines of a pool or deployment. */
    createBootstrapSecret(name: string): Promise<void>;
    /** Tries until there is an answer, poking meanwhile; or throws what the managers say. */
    poking<T>(what: string, poke: () => Promise<void>, attempt: () => Promise<T | undefined>): Promise<T>;
}

/** The MachineDeployments of a cluster. */
export class MachineDeployments {
    private pokes = 0;

    constructor(private readonly around: Surroundings) {}

    /**
     * Makes a deployment with its templates, and waits until its nodes are Ready and have their Machines. Throws at
     * once where its bootstrap provider does not run.
     */
    async create(options: MachineDeploymentOptions): Promise<V1Node[]> {
        const { objects, managers } = this.around;
        const { name, replicas = 3, template = name } = options;
        if (options.bootstrap === "secret") {
            await this.around.createBootstrapSecret(name);
        } else if (managers.names.includes("kubeadm-bootstrap")) {
            await objects.create("KubeadmConfigTemplate", name, manifests.kubeadmConfigTemplateOf());
        } else {
            throw new Error("a KubeadmConfigTemplate needs the kubeadm bootstrap provider: kubeadmBootstrap: true");
        }
        await this.createTemplate(template, options);
        await objects.create("MachineDeployment", name, manifests.machineDeploymentOf(options));
        return this.settled(name, replicas);
    }

    /** Makes an AzureMachineTemplate, with another image for example. */
    async createTemplate(
        name: string,
        options: Pick<MachineDeploymentOptions, "image" | "changeTemplate"> = {},
    ): Promise<void> {
        await this.around.objects.create("AzureMachineTemplate", name, manifests.azureMachineTemplateOf(options));
    }

    /** Points a deployment at another template. */
    async setTemplate(name: string, template: string): Promise<void> {
        const infrastructureRef = manifests.templateReference(template);
        await this.around.objects.patch("MachineDeployment", name, {
            spec: { template: { spec: { infrastructureRef } } },
        });
    }

    /** Changes the number of replicas, and waits until they are there. */
    async scale(name: string, replicas: number): Promise<V1Node[]> {
        await this.around.objects.patch("MachineDeployment", name, { spec: { replicas } });
        return this.settled(name, replicas);
    }

    /** Waits until a deployment has this many Ready nodes, each with a Machine and a VM, and no other machine. */
    async settled(name: string, replicas: number): Promise<V1Node[]> {
        const attempt = async () => ((await this.isSettled(name, replicas)) ? this.nodes(name) : undefined);
        const what = `deployment ${name} to have ${replicas} nodes`;
        return this.around.poking(what, () => this.poke(name), attempt);
    }

    private async isSettled(name: string, replicas: number): Promise<boolean> {
        const { objects } = this.around;
        const [nodes, machines, azureMachines, { status }] = await Promise.all([
            this.nodes(name),
            this.machines(name),
            objects.list("AzureMachine", `${DEPLOYMENT_LABEL}=${name}`),
            objects.get("MachineDeployment", name),
        ]);
        const named = machines.map((machine) => machine.status?.nodeRef?.name);
        return (
            [nodes, machines, azureMachines, this.vms(name)].every(({ length }) => length === replicas) &&
            nodes.every((node) => readyCondition(node)?.status === "True" && named.includes(node.metadata?.name)) &&
            azureMachines.every((machine) => machine.status?.ready === true) &&
            status?.replicas === replicas &&
            status.readyReplicas === replicas
        );
    }

    /** A deployment's Machines. */
    machines(name: string): Promise<KindObject[]> {
        return this.around.objects.list("Machine", `${DEPLOYMENT_LABEL}=${name}`);
    }

    /** A deployment's MachineSets, the oldest first. */
    async sets(name: string): Promise<KindObject[]> {
        const sets = await this.around.objects.list("MachineSet", `${DEPLOYMENT_LABEL}=${name}`);
        const made = ({ metadata }: KindObject) => new Date(metadata.creationTimestamp ?? 0).getTime();
        return sets.sort((a, b) => made(a) - made(b));
    }

    /** Its VMs, by the names that Cluster API gives them: the deployment's, and what makes each unlike the others. */
    vms(name: string): Vm[] {
        return this.around.azure
            .vms()
            .filter(({ scaleSetId, instanceId }) => scaleSetId === undefined && instanceId.startsWith(`${name}-`));
    }

    /** A deployment's nodes that there are. */
    async nodes(name: string): Promise<V1Node[]> {
        const ids = this.vms(name).map(({ id }) => providerId(id));
        const { items } = await this.around.api.core.listNode();
        return items.filter(({ spec }) => ids.includes(spec?.providerID ?? ""));
    }

    /** Lets Cluster API look at a deployment and CAPZ at its machines: without a reason both may sleep for minutes. */
    async poke(name: string): Promise<void> {
        const { objects } = this.around;
        const metadata = { annotations: { "sandbox.kamino/poked": String(++this.pokes) } };
        await objects.patch("MachineDeployment", name, { metadata });
        const azureMachines = await objects.list("AzureMachine", `${DEPLOYMENT_LABEL}=${name}`);
        const poked = azureMachines.map((machine) =>
            // One that is being replaced may be gone by now.
            objects.patch("AzureMachine", machine.metadata.name ?? "", { metadata }).catch(() => undefined),
        );
        await Promise.all(poked);
    }

    /** How often the controllers have been through so far, for all deployments together. */
    async looks(): Promise<Looks> {
        const { managers } = this.around;
        const [deployments, sets, machines] = await Promise.all([
            managers.reconciles("capi", "machinedeployment"),
            managers.reconciles("capi", "machineset"),
            managers.reconciles("capz", "azuremachine"),
        ]);
        return { deployments, sets, machines };
    }

    /**
     * Pokes a deployment until its controllers have been through this many times more, CAPZ for each of its machines.
     */
    async looksAfter(name: string, wanted: number): Promise<Looks> {
        const [before, machines] = [await this.looks(), this.vms(name).length];
        const least: Looks = { deployments: wanted, sets: wanted, machines: wanted * machines };
        const attempt = async () => {
            const now = await this.looks();
            const all = (Object.keys(least) as (keyof Looks)[]).every((key) => now[key] - before[key] >= least[key]);
            return all ? now : undefined;
        };
        return this.around.poking(`${wanted} looks at deployment ${name}`, () => this.poke(name), attempt);
    }
}
