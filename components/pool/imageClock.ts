// For how long Azure has been making an image version, an hour as a rule: azure-native says nothing meanwhile.
import * as pulumi from "@pulumi/pulumi";
import { elapsedOf } from "../core/duration";

const SAY_EVERY_MS = 60_000;

/** The clock of one image version. It runs only where this run has the version made. */
export class ImageClock {
    private timer?: NodeJS.Timeout;

    /**
     * @param what begins the line: `pool1: Azure is making image 2026.1122.0412`
     * @param usualSeconds how long the last one took, where that is known
     */
    constructor(
        private readonly what: string,
        private readonly usualSeconds?: number,
    ) {}

    /** Right before Azure is asked for the version. */
    begin(): void {
        const begunAt = Date.now();
        this.say(begunAt);
        // A run that fails meanwhile does not wait for it.
        this.timer = setInterval(() => this.say(begunAt), SAY_EVERY_MS).unref();
    }

    /** Once the version is there. */
    end(): void {
        clearInterval(this.timer);
    }

    private say(begunAt: number): void {
        const usual = this.usualSeconds === undefined ? undefined : this.usualSeconds * 1000;
        void pulumi.log.info(`${this.what} (${elapsedOf(Date.now() - begunAt, usual)})`, undefined, undefined, true);
    }
}
