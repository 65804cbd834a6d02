// Which scale sets this program may change, and which it refuses with what words. Pure.
import type { CaptureMode } from "../capture/mode";
import { describePool, singleVmsIn } from "../core/machinesId";
import { bootstraps } from "./extensions";
import { isFlexible, type PoolModel } from "./model";

/** One reason why a scale set is refused: does it hold, and what to say. */
interface Refusal {
    holds: (live: PoolModel) => boolean;
    say: string;
}

type Profile = NonNullable<PoolModel["virtualMachineProfile"]>;

const profileOf = (live: PoolModel): Partial<Profile> => live.virtualMachineProfile ?? {};
const extensionsOf = (live: PoolModel) => profileOf(live).extensionProfile?.extensions ?? [];
const imageIdOf = (live: PoolModel) => profileOf(live).storageProfile?.imageReference?.id ?? "";

const startsFromGallery = (live: PoolModel) => /\/galleries\//i.test(imageIdOf(live));

/** A tag's value, whose name Azure compares without case. */
function tagOf(live: PoolModel, name: string): string | undefined {
    return Object.entries(live.tags ?? {}).find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
}

const hasTag = (live: PoolModel, prefix: string) =>
    Object.keys(live.tags ?? {}).some((name) => name.toLowerCase().startsWith(prefix));

const ownedByCapz = (live: PoolModel) => hasTag(live, "sigs.k8s.io_cluster-api-provider-azure_");

/**
 * What gives away a scale set of an AKS cluster; any one is enough. AKS keeps its scale sets in a group that it names
 * `MC_…` unless it was given a name, tags them `aks-managed-…` since 2021, names them `aks-POOL-NUMBER-vmss`, gives
 * them its own extensions, images and the cluster's kubelet identity. AKS Engine's sets have none of it:
 * `k8s-POOL-NUMBER-vmss`, `Compute.AKS-Engine.Linux.Billing`.
 * Sources: https://learn.microsoft.com/azure/aks/faq and https://learn.microsoft.com/azure/aks/cluster-configuration;
 * the tag creationSource is on public recordings of such sets.
 */
const SIGNS_OF_AKS: ((live: PoolModel) => boolean)[] = [
    (live) => hasTag(live, "aks-managed-"),
    (live) => /\/resourcegroups\/mc_/i.test(live.id),
    (live) => /^vmssclient-aks-/i.test(tagOf(live, "creationSource") ?? ""),
    ({ name }) => /^aks-[a-z0-9]+-\d{8}-vmss$/i.test(name),
    (live) => extensionsOf(live).some(({ type }) => /^compute\.aks\./i.test(type ?? "")),
    (live) => /\/galleries\/AKS(Ubuntu|Windows|AzureLinux|CBLMariner)\//i.test(imageIdOf(live)),
    ({ identity }) =>
        Object.keys(identity?.userAssignedIdentities ?? {}).some((id) => /\/resourcegroups\/mc_/i.test(id)),
];

/**
 * Whether AKS Engine made the set before 0.57.0, whose nodes come up with an empty azure.json after they were off
 * (Azure/aks-engine#3876). A set whose nodes start from an image without bootstrap does not run what fails there.
 */
function losesNodesThatWereOff(live: PoolModel): boolean {
    const [, major, minor] = /^v?(\d+)\.(\d+)\.\d+/.exec(tagOf(live, "aksEngineVersion") ?? "") ?? [];
    const startsFromImage = startsFromGallery(live) && !extensionsOf(live).some(bootstraps);
    return major !== undefined && Number(major) === 0 && Number(minor) < 57 && !startsFromImage;
}

/**
 * Whether a change of the model reaches new VMs alone. A Flexible set that names no mode has none but Manual: Azure
 * added the others to that orchestration mode later, and says that Manual is the default. A Uniform set always names
 * one.
 * Source: https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-set-upgrade-policy
 */
function upgradesByHand(live: PoolModel): boolean {
    const mode = live.upgradePolicy?.mode;
    return mode === "Manual" || (mode === undefined && isFlexible(live));
}

const patchSettingsOf = (live: PoolModel) => profileOf(live).osProfile?.linuxConfiguration?.patchSettings ?? {};

/** Whether Azure is to patch the VMs, beside kured, whatever image they start from. */
function isPatchedByAzure(live: PoolModel): boolean {
    return patchSettingsOf(live).patchMode === "AutomaticByPlatform";
}

/**
 * Whether Azure is to assess the patches of the VMs, which it supports for its list of marketplace images alone, as it
 * does patching: "Custom images or any other publisher, offer, sku combinations aren't supported". Whether it refuses
 * the model or each VM that is made of it is not known, nor whether some gallery images are taken by now, as was
 * planned once. Where VMs are refused no machine ever proves an image bad. A model that starts from a gallery's image
 * already is the proof that Azure takes it. Single VMs may have it from a policy, and the next one, made from a
 * template, has not.
 * Sources: MicrosoftDocs/azure-docs#127493, #99441
 */
function isAssessedByAzure(live: PoolModel): boolean {
    return patchSettingsOf(live).assessmentMode === "AutomaticByPlatform" && !startsFromGallery(live);
}

/**
 * What makes a scale set one that must not be changed, each with what the user can do.
 *
 * Sources: Azure documents that models roll out by themselves unless the upgrade mode is Manual, that the OS disk of an
 * ephemeral VM cannot be copied, and that changes to an AKS-managed scale set are not supported. Cluster API's provider
 * for Azure writes its own model over any other and then replaces nodes that differ from it. Repairs, and nothing else
 * that is let through, need the health source that an extension may be, so no model is written whose health source is
 * missing.
 */
const SCALE_SET_REFUSALS: Refusal[] = [
    {
        holds: (live) => SIGNS_OF_AKS.some((sign) => sign(live)),
        say: "it is managed by AKS, which does not support changes to its scale sets; use AKS node image upgrades",
    },
    {
        holds: ownedByCapz,
        say: "it belongs to Cluster API (CAPZ), which would write its own image over this one and replace nodes; name its MachinePool instead (machinePool: NAMESPACE/NAME)",
    },
    {
        holds: (live) => isFlexible(live) && !live.virtualMachineProfile,
        say: "it has no virtualMachineProfile: its VMs were attached to it one by one, and no model says what a new one starts from",
    },
    {
        holds: ({ sku, skuProfile }) => skuProfile !== undefined || sku?.name === "Mix",
        say: "its VMs are of several sizes (skuProfile), and whether an image of one of them starts on all is not known; give it one size",
    },
    {
        holds: (live) => !upgradesByHand(live),
        say: "its upgradePolicy.mode is not Manual, so that a change of the model would roll out to running nodes; set it to Manual",
    },
    {
        holds: ({ upgradePolicy }) => upgradePolicy?.automaticOSUpgradePolicy?.enableAutomaticOSUpgrade === true,
        say: "automatic OS upgrades are on, so that Azure would roll out images by itself; turn automaticOSUpgradePolicy off",
    },
    {
        holds: ({ automaticRepairsPolicy }) => automaticRepairsPolicy?.enabled === true,
        say: "automatic repairs are on, and Azure would replace or restart a node while its disk is captured; set automaticRepairsPolicy.enabled to false",
    },
    {
        // https://learn.microsoft.com/azure/virtual-machine-scale-sets/auto-zone-balance-overview
        holds: ({ resiliencyPolicy }) => resiliencyPolicy?.automaticZoneRebalancingPolicy?.enabled === true,
        say: "Azure rebalances its zones by itself: it would make nodes from the model and delete running ones without a drain; set resiliencyPolicy.automaticZoneRebalancingPolicy.enabled to false",
    },
    {
        holds: ({ overprovision }) => overprovision === true,
        say: "it is overprovisioned: surplus nodes from an image join the cluster at once and are deleted without a drain; set overprovision to false",
    },
    {
        holds: losesNodesThatWereOff,
        say: "AKS Engine made it before 0.57.0 (tag aksEngineVersion), and such a node does not come back after it was off; upgrade the cluster with AKS Engine 0.57.0 or later",
    },
    {
        holds: isPatchedByAzure,
        say: "Azure is to patch its VMs (patchMode AutomaticByPlatform in osProfile.linuxConfiguration.patchSettings) beside kured, which it does not support for VMs from custom images; set patchMode and assessmentMode to ImageDefault",
    },
    {
        holds: isAssessedByAzure,
        say: "Azure is to assess the patches of its VMs (assessmentMode AutomaticByPlatform in osProfile.linuxConfiguration.patchSettings), which it does not support for VMs from custom images; set patchMode and assessmentMode to ImageDefault",
    },
];

/** What is wrong with disks that Azure Disk Encryption has encrypted, and what to do. */
export const ENCRYPTED_INSIDE =
    "Azure Disk Encryption encrypts its disks from within each VM, so that no other VM can start from a copy; use encryption at host";

/** What makes the VMs themselves such, single or of a scale set. */
const VM_REFUSALS: Refusal[] = [
    {
        holds: (live) =>
            profileOf(live).osProfile?.windowsConfiguration !== undefined ||
            profileOf(live).storageProfile?.osDisk?.osType === "Windows",
        say: "its nodes run Windows; only Linux is supported",
    },
    {
        holds: (live) => profileOf(live).storageProfile?.osDisk?.diffDiskSettings?.option !== undefined,
        say: "its OS disks are ephemeral, and Azure cannot copy those; use managed OS disks",
    },
    {
        holds: (live) => (profileOf(live).storageProfile?.osDisk?.vhdContainers ?? []).length > 0,
        say: "its OS disks are unmanaged (vhdContainers); only managed disks are supported",
    },
    {
        holds: (live) => !profileOf(live).osProfile,
        say: "its model has no osProfile, so its nodes start from a specialized image; only generalized images are supported",
    },
    {
        holds: (live) => profileOf(live).securityProfile?.securityType === "ConfidentialVM",
        say: "its nodes are confidential VMs, whose OS disks cannot become a plain image version",
    },
    {
        holds: (live) => (profileOf(live).storageProfile?.dataDisks ?? []).length > 0,
        say: "its model has data disks, and nothing would format and mount them on a new node: only the OS disk is captured; keep data on persistent volumes",
    },
    {
        holds: (live) => extensionsOf(live).some(({ type }) => /^azurediskencryption/i.test(type ?? "")),
        say: ENCRYPTED_INSIDE,
    },
    // A definition says which features its images have when it is made, and never again.
    {
        holds: ({ additionalCapabilities }) => additionalCapabilities?.hibernationEnabled === true,
        say: "its VMs can hibernate (additionalCapabilities.hibernationEnabled), which an image definition has to allow (IsHibernateSupported); that is not supported yet, set it to false",
    },
    // Disk, snapshot and image version would have to name the zone as well.
    {
        holds: ({ extendedLocation }) => extendedLocation !== undefined,
        say: "it is in an edge zone (extendedLocation), and images of nodes there are not supported yet; take it out of kamino:pools",
    },
];

/** What makes single VMs such. */
const SINGLE_VM_REFUSALS: Refusal[] = [
    {
        holds: ({ plan }) => Boolean(plan?.name),
        say: "its VMs have a purchase plan, which a template would have to name beside the image; that is not supported",
    },
];

/**
 * Why this scale set must not be changed, or these single VMs must not be captured, in one line; undefined when they
 * may.
 *
 * @param configKey where the pool is configured, to begin the line with
 * @param known `ownedByCapz`: the pool is given by the MachinePool that owns it, and its image is set there
 */
export function refusal(live: PoolModel, configKey: string, known = { ownedByCapz: false }): string | undefined {
    const isScaleSet = singleVmsIn(live.id) === undefined;
    const asked = isScaleSet ? [...SCALE_SET_REFUSALS, ...VM_REFUSALS] : [...VM_REFUSALS, ...SINGLE_VM_REFUSALS];
    const reason = asked.find(({ holds }) => holds(live) && !(known.ownedByCapz && holds === ownedByCapz));
    const subject = isScaleSet ? `scale set "${live.name}"` : describePool(live.id);
    return reason && `${configKey}: ${subject} is refused: ${reason.say}`;
}

/** Of a resource: https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations. */
const MOST_TAGS = 50;

/**
 * Why a scale set cannot have the tags that this program sets on it, in one line; undefined when it can.
 *
 * @param own names of the tags that it is to have besides its others
 * @param configKey where the pool is configured, to begin the line with
 */
export function tagsRefusal(
    { name, tags = {} }: Pick<PoolModel, "name" | "tags">,
    own: string[],
    configKey: string,
): string | undefined {
    const others = Object.keys(tags).filter((tag) => !own.includes(tag.toLowerCase())).length;
    return own.length > 0 && others + own.length > MOST_TAGS
        ? `${configKey}: scale set "${name}" is refused: it has ${others} tags, and with ${own.join(" and ")} they would be more than ` +
              `the ${MOST_TAGS} that Azure allows; take ${others + own.length - MOST_TAGS} off`
        : undefined;
}

/**
 * Why a pool's disks cannot be captured in the way that the configuration says, in one line; undefined when they can.
 *
 * @param configKey where the pool is configured, to begin the line with
 */
export function captureRefusal(
    live: PoolModel,
    configured: CaptureMode | undefined,
    configKey: string,
): string | undefined {
    return isFlexible(live) && configured === "in-place"
        ? `${configKey}: scale set "${live.name}" is refused: its orchestration mode is Flexible, so that its VMs are captured by a copy alone; ` +
              "set kamino:capture to copy, or leave it out"
        : undefined;
}
