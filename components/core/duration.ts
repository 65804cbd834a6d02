// Durations: read once as configuration writes them, and written as people read them. Pure.

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * A duration in seconds: `90s`, `15m`, `1h`, `30d`.
 *
 * @throws Error that says what it must be, for all else
 */
export function seconds(duration: string): number {
    const match = /^(\d{1,6})([smhd])$/.exec(duration);
    if (!match) {
        throw new Error("a duration such as 90s, 15m, 1h or 30d");
    }
    return Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS];
}

/** "45s", "3m 20s", "1h 5m": how long something took, for a person. */
export function elapsed(milliseconds: number): string {
    const total = Math.round(milliseconds / 1000);
    const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
    return hours ? `${hours}h ${minutes}m` : minutes ? `${minutes}m ${seconds}s` : `${seconds}s`;
}
