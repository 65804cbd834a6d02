// The packages on a cleaned copy, as its pod's log has them. Pure.
import { createHash } from "node:crypto";

/** A package that is installed. */
export interface InstalledPackage {
    name: string;
    version: string;
    /** As dpkg names it, `amd64` or `all`; undefined where the system does not say. */
    architecture?: string;
}

/** All packages of a system. */
export interface PackageList {
    /** As /etc/os-release names it, `ubuntu`, with its release, `22.04`; empty where it does not. */
    system: { id: string; release: string };
    packages: InstalledPackage[];
}

/**
 * Reads the list that cleanCopy.sh has printed.
 *
 * @param digest of the packages, by the pod's result
 * @returns undefined where the log does not have all of them: kubelet keeps the newest part of a log that grew too long
 */
export function packagesIn(log: string, digest: string): PackageList | undefined {
    const [, id = "", release = ""] = /^kamino-system (\S*) (\S*)$/m.exec(log) ?? [];
    const packages = [...log.matchAll(/^kamino-package (\S+) (\S+) (\S+)$/gm)].map(
        ([, name, architecture, version]): InstalledPackage => ({
            ...{ name, version },
            ...(architecture !== "-" && { architecture }),
        }),
    );
    return packages.length > 0 && digestOf(packages) === digest ? { system: { id, release }, packages } : undefined;
}

/** As the script forms it: of a line for each package, sorted by bytes. */
function digestOf(packages: InstalledPackage[]): string {
    const lines = packages.map(({ name, version }) => Buffer.from(`${name} ${version}\n`)).sort((a, b) => a.compare(b));
    return `sha256:${createHash("sha256").update(Buffer.concat(lines)).digest("hex")}`;
}
