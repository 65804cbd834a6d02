// Durations, in milliseconds here, and moments: read once where configuration is read, and written as people read them.
// Pure.

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** In milliseconds. */
export const MINUTE = UNITS.m;

type Unit = keyof typeof UNITS;

const FORM = /^(\d{1,6})([smhd])$/;

/** Whether a text is a duration: `90s`, `15m`, `1h`, `30d`. */
export function isDuration(text: string): boolean {
    return FORM.test(text);
}

/**
 * A duration in milliseconds: `90s`, `15m`, `1h`, `30d`.
 *
 * @throws Error that says what it must be, for any other text
 */
export function parseDuration(text: string): number {
    const match = FORM.exec(text);
    if (!match) {
        throw new Error("a duration such as 90s, 15m, 1h or 30d");
    }
    return Number(match[1]) * UNITS[match[2] as Unit];
}

/** Milliseconds as `parseDuration` reads them, in the largest unit that takes them whole: `90s`, `15m`, `1h`, `30d`. */
export function formatDuration(milliseconds: number): string {
    const fits = (unit: Unit) => milliseconds >= UNITS[unit] && milliseconds % UNITS[unit] === 0;
    const unit = (["d", "h", "m"] as const).find(fits) ?? "s";
    return `${Math.round(milliseconds / UNITS[unit])}${unit}`;
}

/** A moment as the API server gives it, as a text or read already; undefined where it says none. */
export function parseMoment(time: Date | string | undefined): Date | undefined {
    const moment = new Date(time ?? "");
    return Number.isNaN(moment.getTime()) ? undefined : moment;
}

/** "45s", "3m 20s", "1h 5m": how long something took, for a person. */
export function elapsed(milliseconds: number): string {
    const total = Math.round(milliseconds / 1000);
    const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
    return hours ? `${hours}h ${minutes}m` : minutes ? `${minutes}m ${seconds}s` : `${seconds}s`;
}

/** "45s", "12m", "1h 5m": about how long something takes, to the minute where it takes two and more. */
function about(milliseconds: number): string {
    const minutes = Math.round(milliseconds / UNITS.m);
    const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
    return hours ? `${hours}h ${rest}m` : minutes >= 2 ? `${minutes}m` : `${Math.round(milliseconds / 1000)}s`;
}

/**
 * How long something has taken so far and, where that is known, how long it usually takes: "4m 10s of about 12m", or
 * "14m 0s, usually about 12m" once it takes longer.
 */
export function elapsedOf(milliseconds: number, usual?: number): string {
    const soFar = elapsed(milliseconds);
    if (usual === undefined) {
        return soFar;
    }
    return milliseconds <= usual ? `${soFar} of about ${about(usual)}` : `${soFar}, usually about ${about(usual)}`;
}

/** `45s`, `20m`, `15h`, `3d`: the largest unit that is full at least twice, since nobody decides by more. */
export function roundedDown(milliseconds: number): string {
    const unit = (["d", "h", "m"] as const).find((each) => milliseconds >= 2 * UNITS[each]) ?? "s";
    return `${Math.floor(milliseconds / UNITS[unit])}${unit}`;
}

/** RFC 3339 in UTC, to the second: `2026-11-22T04:12:09Z`. */
export function asUtc(moment: Date): string {
    return moment.toISOString().replace(/\.\d+Z$/, "Z");
}

/** A moment (RFC 3339, UTC) to the minute, for people: `2026-11-22 04:12Z`. */
export function asMinute(moment: string): string {
    return `${moment.slice(0, 16).replace("T", " ")}Z`;
}
