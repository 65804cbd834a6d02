// Several subscriptions of one tenant: the same names in two of them are different things, for every client and role.
import { ComputeManagementClient } from "@azure/arm-compute";
import { ClientSecretCredential } from "@azure/identity";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AzureSandbox, ScaleSet } from "../../sandbox/azure/index";
import { finished, items, sender, startForTest, type Send } from "./support";

const GROUP = "same-rg";
const VERSION = "api-version=2024-11-01";
let azure: AzureSandbox;
let close: () => Promise<void>;
let send: Send;
let other: string;
let first: ScaleSet;
let second: ScaleSet;

beforeAll(async () => {
    ({ azure, close } = await startForTest());
    send = await sender(azure);
    other = azure.addSubscription("other");
    const options = { name: "pool1", resourceGroup: GROUP };
    first = await azure.createScaleSet({ ...options, capacity: 1 });
    second = await azure.createScaleSet({ ...options, capacity: 2, subscriptionId: other });
});
afterAll(() => close());

test("scale sets of the same name in two subscriptions are two", () => {
    expect(second.name).toBe(first.name);
    expect(second.id).toContain(`/subscriptions/${other}/`);
    expect([azure.vms(first.id).length, azure.vms(second.id).length]).toEqual([1, 2]);
    expect(azure.vms(second.id)[0].osDiskId).toContain(`/subscriptions/${other}/resourceGroups/SAME-RG/`);
});

test("the official SDK sees those of the subscription that it was made for", async () => {
    const tlsOptions = { ca: azure.ca };
    const credential = new ClientSecretCredential(
        azure.tenantId,
        azure.principal.clientId,
        azure.principal.secret ?? "",
        {
            authorityHost: azure.url,
            disableInstanceDiscovery: true,
            tlsOptions,
        },
    );
    const client = new ComputeManagementClient(credential, other, { endpoint: azure.url, tlsOptions });
    expect((await client.virtualMachineScaleSets.get(GROUP, second.name)).sku?.capacity).toBe(2);
    const all = [];
    for await (const one of client.virtualMachineScaleSets.listAll()) {
        all.push(one.id);
    }
    expect(all).toEqual([second.id.replace(GROUP, "SAME-RG")]);
    const disks = [];
    for await (const one of client.disks.list()) {
        disks.push(one.id);
    }
    expect(disks).toHaveLength(2);
});

test("an operation's URL is of the subscription where it works", async () => {
    const accepted = await send("PUT", `${second.id}?${VERSION}`, { location: second.location, tags: { a: "b" } });
    expect(accepted.headers["azure-asyncoperation"]).toContain(`/subscriptions/${other}/providers/`);
    expect((await finished(send, accepted)).body.status).toBe("Succeeded");
    expect(azure.scaleSet(first.id)?.model.tags).not.toMatchObject({ a: "b" });
});

test("a role in one is none in the other, and a principal sees the subscriptions that it has a role in", async () => {
    const reader = azure.principals.add({
        name: "reader",
        assignments: [{ scope: `/subscriptions/${other}/resourceGroups/${GROUP}`, role: { actions: ["*/read"] } }],
    });
    const asReader = await sender(azure, reader);
    expect((await asReader("GET", `${second.id}?${VERSION}`)).status).toBe(200);
    expect((await asReader("GET", `${first.id}?${VERSION}`)).status).toBe(403);
    const listed = async (who: Send) =>
        items<{ subscriptionId: string }>((await who("GET", `/subscriptions?api-version=2022-12-01`)).body.value).map(
            ({ subscriptionId }) => subscriptionId,
        );
    expect(await listed(asReader)).toEqual([other]);
    expect(await listed(send)).toEqual([azure.subscriptionId, other]);
});

test("a subscription that is not there is 404", async () => {
    const nowhere = "00000000-0000-0000-0000-000000000000";
    const { status, body } = await send("GET", `/subscriptions/${nowhere}/resourceGroups?${VERSION}`);
    expect([status, body.error.code]).toEqual([404, "SubscriptionNotFound"]);
});
