// Where a run writes the packages of the images that it makes. Pure.

/** The variable that names the folder; without it no list is written. */
export const PACKAGES_FOLDER = "KAMINO_PACKAGES";

const ENDING = ".cdx.json";

/** The folder for the lists of packages, if they are to be written. */
export function packagesFolder(env: NodeJS.ProcessEnv): string | undefined {
    return env[PACKAGES_FOLDER] === "" ? undefined : env[PACKAGES_FOLDER];
}

/** The name of the list of one image, as CycloneDX recommends for its JSON: `pool1-2026.1122.0412.cdx.json`. */
export function packagesFile({ pool, version }: { pool: string; version: string }): string {
    return `${pool}-${version}${ENDING}`;
}

/** The pool that a list of this name is of; undefined for any other file. */
export function poolOfPackagesFile(name: string): string | undefined {
    return /^(.+)-\d+\.\d+\.\d+\.cdx\.json(\.gz)?$/.exec(name)?.[1];
}
