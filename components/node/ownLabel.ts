// The label of this program's objects in a cluster. Plain data.

/** The label that all of them have. */
export const OWN_LABEL = { "app.kubernetes.io/name": "kamino" };

/** Whether an object with these labels is one of them. */
export function hasOwnLabel(labels: Record<string, string> = {}): boolean {
    return Object.entries(OWN_LABEL).every(([key, value]) => labels[key] === value);
}
