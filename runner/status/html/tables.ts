// A pool's tables: its images, and its nodes. Pure.
import { asMinute, asUtc } from "../../../components/core/duration";
import { namesOf, type ImageStatus, type NodeStatus } from "../show";
import { candidateText, readyText } from "../text";
import { shortNames } from "./geometry";
import { markup, type Markup } from "./markup";

// Names that are much longer than those that Azure gives to machines are broken.
const LONGEST_NAME = 32;

function nodeKind(names: string[]): string {
    return names.some((name) => name.length > LONGEST_NAME) ? "name long" : "name node";
}

interface Column<T> {
    head: string;
    kind?: string;
    cell: (row: T) => Markup | string | number;
}

/** A moment to the minute, in UTC. */
export function moment(at: Date | undefined): Markup | string {
    return at ? markup`<time datetime="${asUtc(at)}">${asMinute(at.toISOString())}</time>` : "";
}

const MONTH = new Intl.DateTimeFormat("en-US", { month: "short", timeZone: "UTC" });

const HALF_A_YEAR_MS = 183 * 24 * 3_600_000;

/** The same in as few letters as say it: the time of the day of what is recent, the year of what is not. */
function shortMoment(at: Date | undefined, now: Date): Markup | string {
    if (!at) {
        return "";
    }
    const isRecent = Math.abs(now.getTime() - at.getTime()) < HALF_A_YEAR_MS;
    const day = `${at.getUTCDate()} ${MONTH.format(at)}`;
    const text = `${day} ${isRecent ? at.toISOString().slice(11, 16) : at.getUTCFullYear()}`;
    return markup`<time datetime="${asUtc(at)}" title="${asMinute(at.toISOString())}">${text}</time>`;
}

function table<T>(label: string, columns: Column<T>[], rows: T[], isCurrent: (row: T) => boolean): Markup {
    const head = columns.map(({ head, kind }) => markup`<th scope="col" class="${kind}">${head}</th>`);
    const body = rows.map((row) => {
        const cells = columns.map(({ head, kind, cell }) => {
            return markup`<td class="${kind}" data-label="${head}">${cell(row)}</td>`;
        });
        return markup`<tr class="${isCurrent(row) ? "current" : ""}">${cells}</tr>
`;
    });
    return markup`<table aria-label="${label}"><thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table>`;
}

/** The pool's images, newest first, and which nodes' machines were made from each. */
export function imagesTable(pool: string, images: ImageStatus[], nodes: NodeStatus[], now: Date): Markup {
    const donors = images.flatMap(({ donor }) => donor ?? []);
    const short = shortNames([...new Set([...donors, ...nodes.map(({ name }) => name)])]);
    const named = (names: string[]) => names.map((name) => markup`<span title="${name}">${short.get(name)}</span>`);
    const columns: Column<ImageStatus>[] = [
        { head: "image", kind: "name image", cell: imageName },
        { head: "age", cell: ({ age = "" }) => age },
        { head: "captured", cell: ({ publishedAt }) => shortMoment(publishedAt, now) },
        { head: "proof", cell: ({ proof = "" }) => proof },
        { head: "machines", kind: "number", cell: ({ machines }) => machines },
        { head: "Ready", kind: "number", cell: ({ ready }) => ready },
        { head: "disk of", kind: "name node", cell: ({ donor }) => (donor ? markup`${named([donor])}` : "") },
        { head: "nodes made from it", kind: "name", cell: ({ image }) => some(named(namesOf(nodes, image))) },
    ];
    return table(`Images of ${pool}`, columns, images, ({ current }) => current);
}

function imageName({ image, state, current }: ImageStatus): Markup {
    const badge = current ? markup` <span class="badge fine">in the model</span>` : "";
    return markup`${image}${state ? ` (${state})` : ""}${badge}`;
}

// The table of nodes names all.
const MOST_NAMES = 4;

function some(names: Markup[]): Markup | string {
    const more = names.length - MOST_NAMES;
    const shown = names.slice(0, MOST_NAMES).map((name, index) => markup`${index > 0 ? ", " : ""}${name}`);
    return names.length === 0 ? "" : markup`${shown}${more > 0 ? ` and ${more} more` : ""}`;
}

/** The pool's nodes by name. */
export function nodesTable(pool: string, nodes: NodeStatus[], now: Date): Markup {
    const columns: Column<NodeStatus>[] = [
        { head: "node", kind: nodeKind(nodes.map(({ name }) => name)), cell: ({ name }) => name },
        { head: "made from", kind: "name image", cell: ({ image = "" }) => image },
        { head: "made", cell: ({ madeAt, registeredAt }) => shortMoment(madeAt ?? registeredAt, now) },
        { head: "Ready for", cell: (node) => readyText(node, now) },
        { head: "need seen", cell: ({ needSeenAt }) => shortMoment(needSeenAt, now) },
        { head: "rebooted", cell: ({ rebootedAt }) => shortMoment(rebootedAt, now) },
        { head: "candidate", cell: candidateText },
    ];
    return table(`Nodes of ${pool}`, columns, nodes, ({ candidate }) => candidate);
}
