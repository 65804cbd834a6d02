// Reading the images of all pools of a run side by side. The engine checks one selection after the other: if each asked
// for its own images, Azure's answers would be waited for in turns.
import { readImages, type GalleryVersion } from "../azure/imageVersions";

/** For how long an answer may wait for its pool; as long as what was read of the nodes. */
const FRESH_MS = 15_000;
const begun = new Map<string, { at: number; images: Promise<GalleryVersion[]> }>();

/**
 * The versions of a pool's image definition. The first pool that asks also begins to read those of the others, so that
 * theirs are there when it is their turn.
 *
 * @param imageDefinitionId its ARM id; there may be no such definition yet
 * @param ofRun the ARM ids of the definitions of all pools of the run
 * @throws UserError in one line when Azure is away or refuses, for this definition alone
 */
export function readGallery(imageDefinitionId: string, ofRun: string[]): Promise<GalleryVersion[]> {
    ofRun.filter((id) => !begun.has(id)).forEach(begin);
    const known = begun.get(imageDefinitionId);
    if (!known || Date.now() - known.at > FRESH_MS) {
        return begin(imageDefinitionId);
    }
    // Whoever asks a second time wants to see what has changed.
    known.at = -Infinity;
    return known.images;
}

function begin(imageDefinitionId: string): Promise<GalleryVersion[]> {
    const images = readImages(imageDefinitionId);
    begun.set(imageDefinitionId, { at: Date.now(), images });
    // A failure is the pool's whose images they are; it asks, or it has failed for another reason.
    images.catch(() => undefined);
    return images;
}
