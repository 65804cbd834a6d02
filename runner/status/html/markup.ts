// Markup that text from outside cannot become part of. Pure.

/** A piece of HTML or SVG. */
export class Markup {
    constructor(private readonly text: string) {}
    toString(): string {
        return this.text;
    }
}

type Part = Markup | string | number | undefined | Part[];

/** A template of HTML or SVG: whatever is put into it is escaped, but for what is markup already. */
export function markup(texts: TemplateStringsArray, ...parts: Part[]): Markup {
    return new Markup(String.raw({ raw: texts }, ...parts.map(written)));
}

/** A text that is known to be markup, such as a style sheet of this program's. */
export function asMarkup(text: string): Markup {
    return new Markup(text);
}

function written(part: Part): string {
    if (Array.isArray(part)) {
        return part.map(written).join("");
    }
    return part instanceof Markup ? part.toString() : escaped(String(part ?? ""));
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

// They are not allowed in a document, whichever way they are written.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

function escaped(text: string): string {
    return text.replace(CONTROL, "\ufffd").replace(/[&<>"']/g, (each) => ENTITIES[each]);
}
