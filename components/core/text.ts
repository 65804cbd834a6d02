// Text as it is shown to people. Pure.

/** Shortens a text to at most `longest` characters; `ending` then shows that something is missing. */
export function truncate(text: string, longest: number, ending = "…"): string {
    return text.length > longest ? text.slice(0, Math.max(0, longest - ending.length)) + ending : text;
}
