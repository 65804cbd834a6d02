// How long captures take. Each keeps it among its outputs; as an input it would be part of every plan. The process that
// does the next one remembers it, since the engine has it compare the earlier ones before.
import type { CaptureMode } from "./mode";
import type { OsDiskCaptureInputs } from "./osDiskCapture";
import type { Captured } from "./snapshot";

const known = new Map<string, number>();

const keyOf = (pool: string, mode: CaptureMode | undefined) => `${mode} ${pool}`;

/** Remembers how long a capture of the state took. The last one counts; those of earlier versions do not say it. */
export function rememberCapture({
    pool,
    settings,
    tookSeconds,
}: Pick<OsDiskCaptureInputs, "pool" | "settings"> & Pick<Captured, "tookSeconds">): void {
    if (tookSeconds !== undefined) {
        known.set(keyOf(pool, settings.mode), tookSeconds * 1000);
    }
}

/** How long the pool's last capture in this way took, in milliseconds; undefined where that is not known. */
export function usualCapture(pool: string, mode: CaptureMode): number | undefined {
    return known.get(keyOf(pool, mode));
}
