// Times as the compute service prints them.

/**
 * `2024-08-26T08:30:21.6338452+00:00`: offset instead of `Z`, up to seven fractional digits with trailing zeros cut
 * (recorded). A Date knows milliseconds only; the missing digits are made up from the clock's low bits so that clients
 * meet the full form.
 */
export function timestamp(moment: Date): string {
    const text = moment.toISOString();
    const fraction = `${text.slice(20, 23)}${String(moment.getTime() % 9973).padStart(4, "0")}`.replace(/0+$/, "");
    return `${text.slice(0, 19)}${fraction ? `.${fraction}` : ""}+00:00`;
}

/** The guest agent's times have no fraction (recorded). */
export function secondsTimestamp(moment: Date): string {
    return `${moment.toISOString().slice(0, 19)}+00:00`;
}
