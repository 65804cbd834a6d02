// The program: configuration in, one VmssPrototype per pool, outputs out.
import * as pulumi from "@pulumi/pulumi";
import { readImages } from "./components/azure/imageVersions";
import { loadSettings } from "./components/config/load";
import { declareGalleries, galleryKey } from "./components/pool/gallery";
import { refusePlainSecrets } from "./components/config/plainSecrets";
import { checkDonorDisk } from "./components/pool/donorDisk";
import { checkPolicies } from "./components/pool/policyCheck";
import { reviewLeaving } from "./components/pool/membership";
import { readPools } from "./components/pool/readPools";
import { recordOfPool } from "./components/pool/record";
import { reviewPool, sayForeignChanges } from "./components/pool/review";
import { previousOf, readStackFacts } from "./components/pool/stackFacts";
import { loadSchedule } from "./components/schedule/settings";
import { VmssPrototype } from "./components/pool/vmssPrototype";

/** A stack keeps pools up to date; or it is the small stack beside one that lets it run by itself. */
async function main() {
    refusePlainSecrets();
    const schedule = loadSchedule(new pulumi.Config());
    if (schedule) {
        // Few runs need it, and Kubernetes' SDK with it.
        const { Schedule } = await import("./components/schedule/schedule.js");
        const { cronJob, report, namespace } = new Schedule(schedule.name, schedule);
        return { schedule: { cronJob, report, namespace } };
    }
    return await declarePools();
}

/**
 * Reads all pools first: whatever is to be refused, and whatever others have changed, is known before anything is
 * declared.
 */
async function declarePools() {
    const stack = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
    const { pools: configured, ...clusters } = loadSettings(new pulumi.Config());
    const { capi: _read, ...kubernetes } = clusters;
    const facts = await readStackFacts(stack);
    const pools = await readPools(configured, clusters, facts);
    await reviewLeaving(pools, facts);
    const reviews = await Promise.all(pools.map((pool) => reviewPool(pool, previousOf(facts, pool))));
    sayForeignChanges(reviews);
    const galleries = declareGalleries(pools);

    const outputs = reviews.map((review) => {
        const { name } = review.pool.settings;
        const prototype = new VmssPrototype(name, {
            review,
            pools,
            gallery: galleries.get(galleryKey(review.pool.gallery)),
            previous: previousOf(facts, review.pool),
            state: facts.state,
            checkDonorDisk,
            checkPolicies,
            readImages,
            kubernetes,
        });
        return [name, recordOfPool(name, prototype.outputs, facts.previous.get(name))] as const;
    });
    return { pools: Object.fromEntries(outputs) };
}

// A UserError ends here as it is: it is a RunError, of which the SDK prints the message alone, and it has no stack,
// which the SDK would spend ten seconds and more on in a program with azure-native (util.inspect).
export = main;
