// Wire facts of scale sets: statuses, headers, what a GET leaves out and adds, what a PATCH and a DELETE answer.
import { describe, expect, test } from "vitest";
import { at, azure, get, GROUP, pool, putAndFinish, send, useScaleSets, VERSION } from "./scaleSetWire";
import { finished, items, type Body } from "./support";

useScaleSets();

describe("a GET", () => {
    test("leaves out custom data, passwords and protected settings", async () => {
        const { text, status } = await get();
        expect(status).toBe(200);
        for (const secret of ["customData", "adminPassword", "protectedSettings", "commandToExecute"]) {
            expect(text).not.toContain(secret);
        }
    });

    test("adds what the service sets itself", async () => {
        const { body } = await get();
        expect(body.type).toBe("Microsoft.Compute/virtualMachineScaleSets");
        expect(body.sku).toEqual({ name: "Standard_D2s_v3", tier: "Standard", capacity: 1 });
        expect(body.properties).toMatchObject({
            orchestrationMode: "Uniform",
            provisioningState: "Succeeded",
            overprovision: false,
        });
        expect(body.properties.uniqueId).toMatch(/^[0-9a-f-]{36}$/);
        const profile = body.properties.virtualMachineProfile;
        expect(profile.osProfile).toMatchObject({
            secrets: [],
            allowExtensionOperations: true,
            requireGuestProvisionSignal: true,
        });
        expect(profile.storageProfile.osDisk.diskSizeGB).toBe(30);
        const nic = profile.networkProfile.networkInterfaceConfigurations[0].properties;
        expect(nic).toMatchObject({ disableTcpStateTracking: false, dnsSettings: { dnsServers: [] } });
        expect(nic.ipConfigurations[0].properties.privateIPAddressVersion).toBe("IPv4");
    });

    test("has the etag in body and header from 2023-09-01 on, and in neither before", async () => {
        const now = await get();
        expect(now.body.etag).toBe('"1"');
        expect(now.headers.etag).toBe('"1"');
        const before = await get("api-version=2022-03-01");
        expect(before.body.etag).toBeUndefined();
        expect(before.headers.etag).toBeUndefined();
    });

    test("carries the constant headers and the rate limits that go down", async () => {
        const { headers } = await get();
        expect(headers["cache-control"]).toBe("no-cache");
        expect(headers["x-ms-request-id"]).toBeDefined();
        expect(headers["x-ms-ratelimit-remaining-resource"]).toMatch(
            /^Microsoft\.Compute\/GetVMScaleSetSubscriptionMaximum;\d+,/,
        );
        expect(headers["x-ms-ratelimit-remaining-subscription-global-reads"]).toMatch(/^\d+$/);
    });

    test("ignores the casing of the path and keeps the id as it was made", async () => {
        const { status, body } = await send(
            "GET",
            at(
                pool.id
                    .replace("resourceGroups", "RESOURCEGROUPS")
                    .replace("virtualMachineScaleSets", "virtualmachinescalesets"),
            ),
        );
        expect([status, body.id]).toEqual([200, pool.id]);
    });

    test("of a subscription's sets shows the group in capitals in the element's own id only", async () => {
        const { body } = await send("GET", `providers/Microsoft.Compute/virtualMachineScaleSets?${VERSION}`);
        const [found] = items<Body & { name: string }>(body.value).filter(({ name }) => name === pool.name);
        expect(found.id).toContain("/resourceGroups/WIRE-RG/");
        const subnet =
            found.properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations[0].properties
                .ipConfigurations[0].properties.subnet;
        expect(subnet.id).toContain("/resourceGroups/wire-rg/");
    });

    test("hides security type Standard at versions that do not know it", async () => {
        await putAndFinish({
            location: pool.location,
            properties: { virtualMachineProfile: { securityProfile: { securityType: "Standard" } } },
        });
        expect((await get()).body.properties.virtualMachineProfile.securityProfile).toBeUndefined();
        expect((await get("api-version=2026-03-01")).body.properties.virtualMachineProfile.securityProfile).toEqual({
            securityType: "Standard",
        });
    });
});

test("a PATCH keeps the rest and replaces tags that it gives", async () => {
    const accepted = await send("PATCH", at(pool.id), { tags: { only: "this" }, identity: { type: "SystemAssigned" } });
    expect([accepted.status, accepted.body.properties.provisioningState]).toEqual([200, "Updating"]);
    await finished(send, accepted);
    expect((await get()).body).toMatchObject({
        tags: { only: "this" },
        sku: { capacity: 1 },
        identity: { type: "SystemAssigned" },
    });
});

test("a DELETE answers 202 with both headers, and the set and its disks are gone", async () => {
    const disk = azure.vms(pool.id)[0].osDiskId;
    const accepted = await send("DELETE", at(pool.id));
    expect([accepted.status, accepted.text]).toEqual([202, ""]);
    expect(accepted.headers.location).toContain("monitor=true");
    await finished(send, accepted);
    const gone = await get();
    expect(gone.status).toBe(404);
    expect(gone.body.error.message).toBe(
        `The Resource 'Microsoft.Compute/virtualMachineScaleSets/${pool.name}' under resource group '${GROUP}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
    );
    expect(gone.headers["x-ms-failure-cause"]).toBe("gateway");
    expect((await send("GET", `${disk}?api-version=2024-03-02`)).status).toBe(404);
    expect((await send("DELETE", at(pool.id))).status).toBe(204);
});
