// Where the packages of a run's images go.
import { expect, test } from "vitest";
import { packagesFile, packagesFolder, poolOfPackagesFile } from "../../../components/capture/packagesFolder";

test("they go nowhere unless a folder is named", () => {
    expect([{}, { KAMINO_PACKAGES: "" }, { KAMINO_PACKAGES: "lists" }].map(packagesFolder)).toEqual([
        ...[undefined, undefined, "lists"],
    ]);
});

test("a file is named by pool and version, and tells its pool", () => {
    const name = packagesFile({ pool: "pool-1.2", version: "2026.1122.0412" });
    expect(name).toBe("pool-1.2-2026.1122.0412.cdx.json");
    expect([name, `${name}.gz`, "report.md"].map(poolOfPackagesFile)).toEqual(["pool-1.2", "pool-1.2", undefined]);
});
