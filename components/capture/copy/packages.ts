// How an image's packages differ from those of the image before, in words. Pure.
import { plainName } from "../../core/text";
import type { PackageChanges } from "./volume";

/**
 * `packages since the image before: 1 added, 2 removed, 14 changed (libc6 2.35 → 2.36, + vim 9.0, - old 1.0 and 11
 * more)`.
 */
export function describeChanges({ added, gone, changed, names }: PackageChanges): string {
    const total = added + gone + changed;
    if (total === 0) {
        return "packages as in the image before";
    }
    const parts = [
        [added, "added"],
        [gone, "removed"],
        [changed, "changed"],
    ] as const;
    const counts = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
    const more = total > names.length ? ` and ${total - names.length} more` : "";
    return `packages since the image before: ${counts.join(", ")} (${names.map(describeChange).join(", ")}${more})`;
}

function describeChange(change: string): string {
    // Whoever is root on the donor can write this list.
    const [name, ...versions] = plainName(change.slice(1)).split(" ");
    const sign = change.startsWith("=") ? "" : change.startsWith("+") ? "+ " : "- ";
    return `${sign}${name} ${versions.join(" → ")}`;
}
