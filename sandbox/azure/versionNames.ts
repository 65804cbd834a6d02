// Names of gallery image versions: three 32-bit integers.

const LARGEST = 2_147_483_647;

/** The three numbers of `major.minor.patch`, or undefined if the name is not one that a gallery takes. */
export function parseVersionName(name: string): [number, number, number] | undefined {
    const match = /^(\d+)\.(\d+)\.(\d+)$/.exec(name);
    const numbers = match?.slice(1).map(Number);
    if (!numbers || numbers.some((number) => number > LARGEST)) {
        return undefined;
    }
    return numbers as [number, number, number];
}

/** Order of two valid names. */
export function compareVersionNames(a: string, b: string): number {
    const [left, right] = [parseVersionName(a) ?? [0, 0, 0], parseVersionName(b) ?? [0, 0, 0]];
    return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}
