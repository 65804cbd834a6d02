// Marked secrets, and the search for them in everything that was written, in whatever way they are spelled there.
import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Any signed token: of Azure, of a service account, of whoever else issues JSON Web Tokens. */
const JWT = /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}/;

/** Secrets by the place that they belong to. */
export class Secrets {
    private readonly spellings = new Map<string, string[]>();

    /** A new secret that cannot be anything else. */
    make(place: string): string {
        return this.add(place, `mark${randomBytes(12).toString("hex")}`);
    }

    /**
     * One that somebody else has made; of several lines, such as a key, one from the middle is enough to know it by.
     */
    add(place: string, secret: string): string {
        const lines = secret.trim().split("\n");
        const line = lines[Math.floor(lines.length / 2)];
        if (line.length < 16) {
            throw new Error(`the secret of ${place} is too short to be told from other text`);
        }
        this.spellings.set(place, [line, encodeURIComponent(line), ...inBase64(line)]);
        return secret;
    }

    /** The places whose secret is in this text. */
    in(text: string): string[] {
        const places = [...this.spellings].filter(([, spellings]) => spellings.some((one) => text.includes(one)));
        return [...places.map(([place]) => place), ...(JWT.test(text) ? ["a signed token"] : [])];
    }

    /** The same for all files of a folder, as `PLACE in FILE`; links, which lead out of it, are not followed. */
    below(folder: string, except: string[] = []): string[] {
        return filesBelow(folder, except).flatMap((file) =>
            this.in(`${file}\n${readFileSync(file, "latin1")}`).map((place) => `${place} in ${file}`),
        );
    }
}

/** A text within a longer one that is in base64 begins at one of three places of a group of characters. */
function inBase64(text: string): string[] {
    return [0, 1, 2].flatMap((before) => {
        const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
        const whole = bytes.subarray(0, bytes.length - (bytes.length % 3)).toString("base64");
        // Characters that hold a bit of what comes before.
        const own = whole.slice(Math.ceil((before * 4) / 3));
        return [own, own.replaceAll("+", "-").replaceAll("/", "_")];
    });
}

/** All files of a folder, but those in the folders that are left out. */
function filesBelow(folder: string, except: string[] = []): string[] {
    return readdirSync(folder)
        .filter((name) => !except.includes(name))
        .map((name) => join(folder, name))
        .flatMap((path) => {
            const kind = lstatSync(path);
            return kind.isDirectory() ? filesBelow(path) : kind.isFile() ? [path] : [];
        });
}
