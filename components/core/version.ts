// Image versions named by the moment at which their node's reboot began: `YYYY.MMDD.HHMM` in UTC. Pure.

/** The three numbers of a gallery image version's name, each a 32-bit integer. */
export interface Version {
    major: number;
    minor: number;
    patch: number;
}

const LARGEST = 2 ** 31 - 1;

/**
 * The name of the version of a node whose reboot began at that moment: `2026.1122.0412`. Names sort as the moments do.
 *
 * @throws RangeError for an invalid date or a year without four digits
 */
export function versionOf(moment: Date): string {
    const year = moment.getUTCFullYear();
    if (!(year >= 1000 && year <= 9999)) {
        throw new RangeError("an image version is named by a year of four digits");
    }
    const two = (value: number) => String(value).padStart(2, "0");
    const day = two(moment.getUTCMonth() + 1) + two(moment.getUTCDate());
    return `${year}.${day}.${two(moment.getUTCHours())}${two(moment.getUTCMinutes())}`;
}

/** The numbers of a version's name, or undefined when it is none that Azure takes. */
export function parseVersion(text: string): Version | undefined {
    const match = /^(\d{1,10})\.(\d{1,10})\.(\d{1,10})$/.exec(text);
    if (!match) {
        return undefined;
    }
    const [major, minor, patch] = match.slice(1).map(Number);
    return Math.max(major, minor, patch) <= LARGEST ? { major, minor, patch } : undefined;
}

/**
 * Negative, zero or positive, as `a` is before, the same as or after `b`. By the moments that they are named by, the
 * earlier form `YYYY.MM.DD` being the beginning of that day (by number 2026.11.22 would be before 2026.0102.0005). A
 * version that is not named by a moment is before all that are, and a name that is not a version before all versions.
 */
export function compareVersions(a: string, b: string): number {
    const [left, right] = [parseVersion(a), parseVersion(b)];
    if (!left || !right) {
        return Number(left !== undefined) - Number(right !== undefined);
    }
    const [from, to] = [a, b].map((name) => momentOf(name)?.getTime() ?? -Infinity);
    return (
        (from === to ? 0 : from - to) ||
        left.major - right.major ||
        left.minor - right.minor ||
        left.patch - right.patch
    );
}

/** Whether two names are the same version. By number: Azure may drop a leading zero of `2026.0102.0005`. */
export function sameVersion(a: string, b: string): boolean {
    const [left, right] = [parseVersion(a), parseVersion(b)];
    return (
        left !== undefined && left.major === right?.major && left.minor === right.minor && left.patch === right.patch
    );
}

/** Whether a version is among these, by number. */
export function includesVersion(versions: string[], version: string): boolean {
    return versions.some((each) => sameVersion(each, version));
}

/**
 * The moment that a version is named by, to the minute (`YYYY.MMDD.HHMM`) or the day (`YYYY.MM.DD`, an earlier form
 * that some galleries still hold); undefined when the name says none.
 */
export function momentOf(version: string): Date | undefined {
    const parsed = parseVersion(version);
    if (!parsed || parsed.major < 1000 || parsed.major > 9999) {
        return undefined;
    }
    const { major: year, minor, patch } = parsed;
    if (minor <= 12) {
        return moment(year, minor, patch, 0, 0);
    }
    return moment(year, Math.floor(minor / 100), minor % 100, Math.floor(patch / 100), patch % 100);
}

/** That moment in UTC, or undefined when the calendar or the clock does not have it (Date would roll it over). */
function moment(year: number, month: number, day: number, hour: number, minute: number): Date | undefined {
    const date = new Date(Date.UTC(year, month - 1, day, hour, minute));
    const holds =
        date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour && minute < 60;
    return holds ? date : undefined;
}
