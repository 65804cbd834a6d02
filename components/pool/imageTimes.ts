// How long Azure has taken for images, as `npm run up` tells the program: by a variable, since an input would be part
// of every plan. Pure.

/** The variable that has them: seconds by the names of the pools, as JSON. */
export const IMAGE_SECONDS = "KAMINO_IMAGE_SECONDS";

/** How long Azure took for the pool's last image, in seconds; undefined where that is not known. */
export function usualImageSeconds(env: NodeJS.ProcessEnv, pool: string): number | undefined {
    try {
        const seconds = (JSON.parse(env[IMAGE_SECONDS] ?? "{}") as Record<string, unknown>)[pool];
        return typeof seconds === "number" && seconds > 0 ? seconds : undefined;
    } catch {
        return undefined;
    }
}
