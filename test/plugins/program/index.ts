// The tests' program: a gallery, a scale set that was there before, and an object in the cluster that knows of both.
import { compute, Provider } from "@pulumi/azure-native";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const resourceGroupName = config.require("group");
const vmScaleSetName = config.require("scaleSet");
const imageId = config.get("imageId");

const gallery = new compute.Gallery("gallery", {
    resourceGroupName,
    galleryName: config.require("gallery"),
    location: "West Europe",
    description: config.requireSecret("description"),
});

const subscriptionId = config.get("otherSubscription");
if (subscriptionId) {
    const provider = new Provider("other", { subscriptionId });
    new compute.Gallery(
        "elsewhere",
        { resourceGroupName, galleryName: "images", location: "westeurope" },
        { provider },
    );
}

/** Adopted as it is; once there is an image id, changed in that one property. */
async function scaleSet(): Promise<compute.VirtualMachineScaleSet> {
    const live = await compute.getVirtualMachineScaleSet({ resourceGroupName, vmScaleSetName });
    const args = { resourceGroupName, vmScaleSetName, location: live.location, tags: live.tags };
    if (!imageId) {
        return new compute.VirtualMachineScaleSet("pool", args, { import: live.id, ignoreChanges: ["*"] });
    }
    const { osDisk } = live.virtualMachineProfile?.storageProfile ?? {};
    const storageProfile = { imageReference: { id: imageId }, osDisk: osDisk as object };
    return new compute.VirtualMachineScaleSet("pool", {
        ...{ ...args, upgradePolicy: { mode: compute.UpgradeMode.Manual } },
        virtualMachineProfile: { storageProfile } as compute.VirtualMachineScaleSetArgs["virtualMachineProfile"],
    });
}

export = async () => {
    const pool = await scaleSet();
    new kubernetes.core.v1.Secret("token", { stringData: { token: config.requireSecret("description") } });
    const schedule = config.get("schedule");
    if (schedule) {
        const job = { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } } };
        new kubernetes.batch.v1.CronJob("nightly", { spec: { schedule, jobTemplate: { spec: job } } });
    }
    const note = new kubernetes.core.v1.ConfigMap("note", { data: { gallery: gallery.id, pool: pool.id } });
    return { gallery: gallery.id, note: note.metadata.name, uniqueId: pool.uniqueId };
};
