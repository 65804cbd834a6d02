// How long Azure took for each pool's last image, by the moments that the engine keeps with each resource of a state.
import { CAPTURE_TYPE, IMAGE_VERSION_TYPE } from "../components/core/resourceTypes";
import { IMAGE_SECONDS } from "../components/pool/imageTimes";
import { nameOf } from "./events";
import { stateOf, type RunContext, type StateResource } from "./pulumi";

/** What tells the program how long images take: read of the stack's state; nothing where that cannot be read. */
export async function imageTimes(stack: string | undefined, context: RunContext): Promise<NodeJS.ProcessEnv> {
    const resources = await stateOf(stack, context).catch(() => []);
    return { [IMAGE_SECONDS]: JSON.stringify(imageSecondsIn(resources)) };
}

/** Azure has to have made an image within this time, or the update has failed. */
const LONGEST_SECONDS = 6 * 3600;

/**
 * Seconds by the names of the pools, of each pool's last image. Azure begins with an image once the capture is there.
 * An image that a later run has made than the capture is left out, where that shows. Pure.
 */
export function imageSecondsIn(resources: StateResource[]): Record<string, number> {
    const captured = new Map(
        resources.filter(({ type }) => type === CAPTURE_TYPE).map(({ urn, created }) => [nameOf(urn), created]),
    );
    const made = resources
        .filter(({ type }) => type === IMAGE_VERSION_TYPE)
        .map(({ urn, parent, created }) => {
            const [begin, end] = [captured.get(nameOf(urn)), created].map((moment) => Date.parse(moment ?? ""));
            return { pool: nameOf(parent ?? ""), end, seconds: Math.ceil((end - begin) / 1000) };
        })
        .filter(({ seconds }) => seconds > 0 && seconds <= LONGEST_SECONDS)
        .sort((a, b) => a.end - b.end);
    return Object.fromEntries(made.map(({ pool, seconds }) => [pool, seconds]));
}
