// What this program asks of Azure by itself, each question one function; the resources it declares go through azure-native.
import { ComputeManagementClient, type Disk } from "@azure/arm-compute";
import {
    createDefaultHttpClient,
    createPipelineRequest,
    RestError,
    type PipelinePolicy,
} from "@azure/core-rest-pipeline";
import { cloud } from "./cloud";
import { credential } from "./login";
import { UserError, oneLine, statusOf } from "../core/errors";
import { parseArmId } from "./ids";

export { subscriptionId } from "./login";
export { configureAzure } from "./settings";

const clients = new Map<string, Promise<ComputeManagementClient>>();

/**
 * A client of the compute service, one for each subscription.
 *
 * It tries again after throttling (as long as `Retry-After` says), server errors and lost connections; an address that answers
 * nothing at all fails within about 10 seconds.
 */
export function computeClient(subscription: string): Promise<ComputeManagementClient> {
    let client = clients.get(subscription);
    if (!client) {
        client = makeClient(subscription);
        clients.set(subscription, client);
    }
    return client;
}

const REQUEST_TIMEOUT_MS = 60_000;

async function makeClient(subscription: string): Promise<ComputeManagementClient> {
    const { resourceManager, scope } = await cloud();
    const client = new ComputeManagementClient(await credential(), subscription, {
        endpoint: resourceManager,
        credentials: { scopes: [scope] },
        retryOptions: { maxRetries: 4, retryDelayInMs: 500, maxRetryDelayInMs: 60_000 },
        userAgentOptions: { userAgentPrefix: "kamino" },
    });
    // The library itself waits forever for an answer.
    client.pipeline.addPolicy({
        name: "kaminoTimeout",
        sendRequest: (request, next) => {
            request.timeout ||= REQUEST_TIMEOUT_MS;
            return next(request);
        },
    });
    client.pipeline.addPolicy(OWN_WORDS);
    return client;
}

/** The library's error of a refused list says only that its paging failed, and no more what Azure said. */
const OWN_WORDS: PipelinePolicy = {
    name: "kaminoOwnWords",
    sendRequest: async (request, next) => {
        const response = await next(request);
        if (request.method === "GET" && response.status >= 400) {
            const { code, message } = saidIn(response.bodyAsText);
            if (message) {
                throw new RestError(message, { code, statusCode: response.status, request, response });
            }
        }
        return response;
    },
};

/** Azure's own words in a refusal; none in an answer of something else, such as a proxy. */
function saidIn(body: string | null | undefined): { code?: string; message?: string } {
    try {
        return (JSON.parse(body ?? "") as { error?: { code?: string; message?: string } } | null)?.error ?? {};
    } catch {
        return {};
    }
}

/** Asks Azure; undefined when the thing asked for is not there; a UserError that begins with `what` when it cannot be told. */
async function ask<T>(what: string, question: () => Promise<T>): Promise<T | undefined> {
    try {
        return await question();
    } catch (error) {
        if (statusOf(error) === 404) {
            return undefined;
        }
        throw error instanceof UserError ? error : new UserError(`${what} cannot be read: ${oneLine(error)}`);
    }
}

/** A gallery, or undefined when there is none of this id. */
export function gallery(id: string): Promise<{ location: string; tags?: Record<string, string> } | undefined> {
    return ask(`gallery ${id}`, async () => {
        const { subscriptionId, resourceGroup, names } = parseArmId(id);
        const { location, tags } = await (await computeClient(subscriptionId)).galleries.get(resourceGroup, names[0]);
        return { location, tags };
    });
}

/** A marketplace plan that an image belongs to. */
export interface PurchasePlan {
    name?: string;
    publisher?: string;
    product?: string;
}

/** An image definition, as far as VMs and images must match it. */
export interface GalleryImage {
    hyperVGeneration: string;
    architecture: string;
    /** As in `TrustedLaunch`; undefined for none in particular. */
    securityType?: string;
    /** As in `SCSI, NVMe`; undefined for SCSI alone. */
    diskControllerTypes?: string;
    purchasePlan?: PurchasePlan;
    osType?: string;
    osState?: string;
    tags?: Record<string, string>;
}

/** An image definition, or undefined when there is none of this id. What Azure leaves out is generation V1 and x64. */
export function galleryImage(id: string): Promise<GalleryImage | undefined> {
    return ask(`image definition ${id}`, async () => {
        const { subscriptionId, resourceGroup, names } = parseArmId(id);
        const client = await computeClient(subscriptionId);
        const image = await client.galleryImages.get(resourceGroup, names[0], names[1]);
        const { osType, osState, purchasePlan, tags } = image;
        return {
            hyperVGeneration: image.hyperVGeneration ?? "V1",
            architecture: image.architecture ?? "x64",
            securityType: image.features?.find(({ name }) => name === "SecurityType")?.value,
            diskControllerTypes: image.features?.find(({ name }) => name === "DiskControllerTypes")?.value,
            ...{ osType, osState, purchasePlan, tags },
        };
    });
}

/** What an image made from a VM's OS disk must say of it. What Azure leaves out stays undefined. */
export interface OsDisk {
    hyperVGeneration?: string;
    architecture?: string;
    securityType?: string;
    /** Disk controllers that the disk has drivers for, as Azure lists them: `SCSI, NVMe`. */
    diskControllerTypes?: string;
    /** The disk controller of its VM, `SCSI` or `NVMe`. */
    diskControllerType?: string;
    /** ARM id of the disk encryption set that encrypts it with keys of the customer's. */
    diskEncryptionSetId?: string;
    purchasePlan?: PurchasePlan;
}

// A VM may be on its way out of the set; one of the first few will do.
const VMS_TRIED = 5;

/** The OS disk of one of a scale set's VMs, which are all alike; undefined when the set has no VM with a managed OS disk. */
export async function osDiskOfPool(scaleSetId: string): Promise<OsDisk | undefined> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    const client = await computeClient(subscriptionId);
    const disk = await ask(`the OS disk of scale set ${names[0]}`, async () => {
        let tried = 0;
        for await (const { storageProfile } of client.virtualMachineScaleSetVMs.list(resourceGroup, names[0])) {
            const id = storageProfile?.osDisk?.managedDisk?.id;
            const found = id && (await readDisk(client, id));
            if (found || ++tried === VMS_TRIED) {
                return found ? { ...found, diskControllerType: storageProfile?.diskControllerType } : undefined;
            }
        }
        return undefined;
    });
    return (
        disk && {
            hyperVGeneration: disk.hyperVGeneration,
            architecture: disk.supportedCapabilities?.architecture,
            securityType: disk.securityProfile?.securityType,
            diskControllerTypes: disk.supportedCapabilities?.diskControllerTypes,
            diskControllerType: disk.diskControllerType,
            diskEncryptionSetId: disk.encryption?.diskEncryptionSetId,
            purchasePlan: disk.purchasePlan,
        }
    );
}

/**
 * The types of the extensions in a scale set's model, by extension name. azure-native's answer leaves them out: its SDK folds
 * `properties.type` and the extension's own read-only `type` into one property, and the latter, absent in a model, wins.
 */
export async function extensionTypes(scaleSetId: string): Promise<Map<string, string>> {
    const { subscriptionId, resourceGroup, names } = parseArmId(scaleSetId);
    const found = await ask(`scale set ${names[0]}`, async () => {
        const client = await computeClient(subscriptionId);
        return await client.virtualMachineScaleSets.get(resourceGroup, names[0]);
    });
    const extensions = found?.virtualMachineProfile?.extensionProfile?.extensions ?? [];
    return new Map(
        extensions.map(({ name, type, typePropertiesType }) => [name ?? "", typePropertiesType ?? type ?? ""]),
    );
}

function readDisk(client: ComputeManagementClient, id: string): Promise<Disk | undefined> {
    const { resourceGroup, names } = parseArmId(id);
    return ask(`disk ${id}`, () => client.disks.get(resourceGroup, names[0]));
}

interface Location {
    name?: string;
    displayName?: string;
    availabilityZoneMappings?: unknown[];
}

const zones = new Map<string, Promise<Location[]>>();

/**
 * Whether a region has availability zones, without which zone-redundant storage is refused.
 * Source: https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations, `availabilityZoneMappings`.
 *
 * @throws UserError in one line when Azure cannot be asked
 */
export async function regionHasZones(subscription: string, region: string): Promise<boolean> {
    let reading = zones.get(subscription);
    if (!reading) {
        reading = readLocations(subscription);
        zones.set(subscription, reading);
    }
    const plain = (name = "") => name.toLowerCase().replace(/ /g, "");
    const found = (await reading).find(({ name, displayName }) =>
        [name, displayName].map(plain).includes(plain(region)),
    );
    return (found?.availabilityZoneMappings ?? []).length > 0;
}

async function readLocations(subscription: string): Promise<Location[]> {
    const what = `the regions of subscription ${subscription}`;
    const body = await ask(what, async () => {
        const { pipeline } = await computeClient(subscription);
        const url = `${(await cloud()).resourceManager}/subscriptions/${subscription}/locations?api-version=2022-12-01`;
        const response = await pipeline.sendRequest(createDefaultHttpClient(), createPipelineRequest({ url }));
        const answer = JSON.parse(response.bodyAsText ?? "{}") as { value?: Location[]; error?: { message?: string } };
        if (response.status !== 200) {
            throw new UserError(`${what} cannot be read: ${answer.error?.message ?? `status ${response.status}`}`);
        }
        return answer.value;
    });
    return body ?? [];
}
