// Telling names apart that would read alike.
import { createHash } from "node:crypto";

/** What some texts are, in eight characters for a name, label or tag: the start of their SHA-256, in hexadecimal. */
export function shortDigest(...texts: string[]): string {
    return createHash("sha256").update(texts.join("\n")).digest("hex").slice(0, 8);
}
