// What a pool is made of, as far as it is known before anything is declared: types alone.
import type { ScaleSetId } from "../azure/ids";
import type { PoolSettings } from "../config/load";
import type { LiveModel } from "./model";

/** A gallery that images go to: made by this stack, or one that was there. */
export interface GallerySettings {
    subscriptionId: string;
    resourceGroup: string;
    name: string;
    location: string;
    /** Whether this stack declares it; a gallery given by id is only used. */
    declared: boolean;
}

/** What an image must match of the VMs that start from it. */
export interface ImageTraits {
    hyperVGeneration: string;
    architecture: string;
    securityType?: string;
    purchasePlan?: { name?: string; product?: string; publisher?: string };
}

/** A pool that may be changed, with all that its resources are declared from. */
export interface Pool {
    settings: PoolSettings;
    /** Where the pool stands in the configuration, to begin messages with. */
    configKey: string;
    scaleSet: ScaleSetId;
    /** The scale set's model as it was at the start of this run. */
    live: LiveModel;
    location: string;
    gallery: GallerySettings;
    definition: { name: string; declared: boolean; traits: ImageTraits };
    /** The version of this pool's own definition that the live model points at, if it does. */
    liveVersion?: string;
    targetRegions: string[];
    storageAccountType: string;
    /** Identifies the stack that declares the pool, for tags. */
    stack: string;
}
