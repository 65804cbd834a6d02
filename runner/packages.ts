// The packages of the images that scheduled runs have made, kept beside the report: in the ConfigMap, compressed.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { poolOfPackagesFile } from "../components/capture/packagesFolder";

/** What all lists may take, in characters of base64. A ConfigMap takes a mebibyte, of which a report is 64,000. */
const ROOM = 900_000;

/** The lists in a folder, compressed and in base64, by the names of the compressed files; none without a folder. */
export async function compressed(folder: string): Promise<Record<string, string>> {
    const names = folder === "" ? [] : await readdir(folder).catch(() => []);
    const lists = names
        .filter((name) => poolOfPackagesFile(name) !== undefined)
        .map(async (name) => [`${name}.gz`, gzipSync(await readFile(join(folder, name))).toString("base64")]);
    return Object.fromEntries(await Promise.all(lists)) as Record<string, string>;
}

/**
 * The newest list of each pool: those of this run, and of the other pools those that are there; as many as there is
 * room for, this run's first. Pure.
 */
export function withPackages(before: Record<string, string>, made: Record<string, string>): Record<string, string> {
    const isReplaced = (name: string) =>
        Object.keys(made).some((one) => poolOfPackagesFile(one) === poolOfPackagesFile(name));
    const kept = Object.entries(before).filter(([name]) => !isReplaced(name));
    let room = ROOM;
    return Object.fromEntries(
        [...Object.entries(made), ...kept].filter(([, list]) => {
            const fits = list.length <= room;
            room -= fits ? list.length : 0;
            return fits;
        }),
    );
}
