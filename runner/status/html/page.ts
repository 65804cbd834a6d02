// How a stack's pools stand, as one page that loads nothing: no script, no font, no picture from elsewhere. Pure.
import { createHash } from "node:crypto";
import { machinesIn } from "../../../components/core/machinesId";
import { BASIS } from "../forecast";
import type { PoolStatus } from "../show";
import { newNodesLine } from "../text";
import { asMarkup, markup, type Markup } from "./markup";
import { picture } from "./picture";
import { STYLE } from "./style";
import { MEANINGS, mark, pointerAt } from "./symbols";
import { imagesTable, moment, nodesTable } from "./tables";
import { timelineOf } from "./timeline";

/** What a page shows. */
export interface PageInput {
    stack: string;
    pools: PoolStatus[];
    now: Date;
}

// The style sheet is known by its hash; nothing else may be loaded or run, whatever the texts in the page are.
const POLICY = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'`;

/** The page's text. */
export function page({ stack, pools, now }: PageInput): string {
    const look = pools.filter(({ attention }) => attention.length > 0).length;
    const summary = `${pools.length} ${pools.length === 1 ? "pool" : "pools"}, ${look === 0 ? "nothing to look at" : `${look} to look at`}`;
    const links = pools.map(
        ({ pool, attention }, index) =>
            markup`<li><a href="#pool-${index}">${pool}</a>${attention.length > 0 ? " (look at this)" : ""}</li>`,
    );
    return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${asMarkup(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${stack}: node pools and their images</title>
<style>${asMarkup(STYLE)}</style>
</head>
<body>
<header>
<h1>Node pools of ${stack}</h1>
<p class="muted">${summary} · as of ${moment(now)} · all times are UTC</p>
${pools.length > 1 ? markup`<nav aria-label="Pools"><ul class="pools">${links}</ul></nav>` : ""}
</header>
<main>
${pools.map((pool, index) => card(pool, index, now))}
</main>
<footer>
<p>What an up would do: ${BASIS}.</p>
<p>proven: a machine made from the image has been Ready for minimumReadyTime. failed: one has not become Ready within newNodeTimeout, and none has. unproven: neither. rejected and trusted: by the configuration.</p>
</footer>
</body>
</html>
`.toString();
}

/** What the machines of a pool are of. */
function whatMakes(poolId: string): { kind: string; name: string } {
    const machines = machinesIn(poolId);
    return machines
        ? { kind: machines.kind, name: `${machines.namespace}/${machines.name}` }
        : { kind: "scale set", name: poolId.split("/").at(-1) ?? "" };
}

function card(
    { pool, scaleSetId, explanation, model, next, images, nodes, newNodes, attention, unknown }: PoolStatus,
    index: number,
    now: Date,
): Markup {
    const timeline = timelineOf({ images, nodes, next }, now);
    const pictures = markup`${picture(pool, timeline, "wide", `pool-${index}-wide`)}
${picture(pool, timeline, "narrow", `pool-${index}-narrow`)}`;
    const made = whatMakes(scaleSetId);
    const badge =
        attention.length > 0
            ? markup`<span class="badge look">look at this</span>`
            : markup`<span class="badge fine">nothing to look at</span>`;
    return markup`<section class="card" id="pool-${index}" aria-labelledby="pool-${index}-name">
<div class="top"><h2 id="pool-${index}-name">${pool}</h2>${badge}</div>
<p class="muted">${made.name === pool ? "" : markup`${made.kind} <span class="name">${made.name}</span> · `}new machines start from <span class="name">${model}</span></p>
<p>Last update: ${explanation}</p>
${attention.length > 0 ? markup`<ul class="attention">${attention.map((line) => markup`<li>${line}</li>`)}</ul>` : ""}
${upNow(next)}
<figure>
${pictures}
<figcaption><ul class="legend">${legend(pictures)}</ul></figcaption>
</figure>
<h3>Images</h3>
${imagesTable(pool, images, nodes, now)}
${newNodes.map((each) => markup`<p class="muted">Note: ${newNodesLine(each, nodes, now)}.</p>`)}
${unknown.map((each) => markup`<p class="muted">Note: ${each}.</p>`)}
${nodes.length === 0 ? "" : nodesPart(nodesTable(pool, nodes, now), nodes)}
</section>
`;
}

/** The marks that are in the pictures, and what they mean. */
function legend(pictures: Markup): Markup[] {
    const drawn = pictures.toString();
    const item = (sign: Markup, meaning: string) =>
        markup`<li><svg viewBox="0 0 16 16" aria-hidden="true">${sign}</svg>${meaning}</li>`;
    const used = MEANINGS.filter(([kind]) => drawn.includes(`data-mark="${kind}"`));
    const early = drawn.includes("‹")
        ? [markup`<li><span class="name">‹ 2</span>made before the picture begins</li>`]
        : [];
    return [
        item(pointerAt(4, 8), "new machines start from it"),
        ...used.map(([kind, meaning]) => item(mark(kind, 8, 8), meaning)),
        ...early,
    ];
}

function upNow({ steps, stops, why }: PoolStatus["next"]): Markup {
    const what =
        stops !== undefined
            ? markup`<p><strong>An up now would stop:</strong> ${stops}</p>`
            : steps.length === 0
              ? markup`<p><strong>An up now would change nothing.</strong></p>`
              : markup`<p><strong>An up now would</strong></p><ol>${steps.map((step) => markup`<li>${step}</li>`)}</ol>`;
    return markup`<div class="next">${what}${why ? markup`<p class="muted">${why}</p>` : ""}</div>`;
}

// More nodes than this are shown when somebody asks.
const MOST_NODES = 20;

function nodesPart(table: Markup, nodes: PoolStatus["nodes"]): Markup {
    const candidates = nodes.filter(({ candidate }) => candidate).length;
    const counted = `${nodes.length} ${nodes.length === 1 ? "node" : "nodes"}, ${candidates} ${candidates === 1 ? "candidate" : "candidates"}`;
    return markup`<details${nodes.length <= MOST_NODES ? asMarkup(" open") : ""}><summary>Nodes: ${counted}</summary>
${table}</details>`;
}
