// The page's style sheet. Colours differ in lightness from each other and from what they stand on, in both themes; no
// meaning is in a colour alone.

const LIGHT = `
    --page: #f4f6f8; --card: #ffffff; --ink: #1b1f24; --muted: #525b66; --line: #d3d9e0; --grid: #e7ebef;
    --accent: #0a5ea8; --on-accent: #ffffff; --bad: #a63c00; --on-bad: #ffffff; --lane: #eaf2fa;
    --notice: #fff3e6; --notice-line: #e2a366;`;

const DARK = `
    --page: #0e1216; --card: #171c22; --ink: #e8edf2; --muted: #a3afbb; --line: #353e47; --grid: #242c34;
    --accent: #74bdff; --on-accent: #0c1116; --bad: #ffa36e; --on-bad: #0c1116; --lane: #1b2a38;
    --notice: #2c2118; --notice-line: #8a5a2c;`;

export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 960px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0; }
h2 { font-size: 19px; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 22px 0 6px; }
p { margin: 6px 0; overflow-wrap: anywhere; }
a { color: var(--accent); overflow-wrap: anywhere; }
td.name, span.name { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .92em; }
.muted { color: var(--muted); }
.pools { list-style: none; display: flex; flex-wrap: wrap; gap: 6px 18px; padding: 0; margin: 10px 0 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px; margin: 20px 0; }
.top { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; justify-content: space-between; }
.badge { border: 1px solid currentColor; border-radius: 99px; padding: 0 10px; font-size: 13px; white-space: nowrap; }
.badge.fine { color: var(--accent); }
.badge.look { color: var(--bad); font-weight: 600; }
.attention { background: var(--notice); border: 1px solid var(--notice-line); border-radius: 8px; margin: 14px 0; padding: 8px 14px 8px 32px; overflow-wrap: anywhere; }
.next { border-left: 3px solid var(--accent); padding-left: 12px; margin: 14px 0; }
.next ol { margin: 4px 0; padding-left: 22px; overflow-wrap: anywhere; }
figure { margin: 18px 0 0; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg.narrow { display: none; max-width: 460px; }
svg text { fill: var(--ink); font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
svg text.small { font-size: 11px; }
svg text.muted { fill: var(--muted); }
svg text.strong { font-weight: 600; }
svg text.halo { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
svg .current text.halo { stroke: var(--lane); }
svg text.on-accent { fill: var(--on-accent); }
svg text.on-bad { fill: var(--on-bad); }
svg path { fill: none; stroke-width: 1; }
.axis { stroke: var(--muted); }
.grid { stroke: var(--grid); }
.now { stroke: var(--muted); stroke-dasharray: 2 3; }
.link { stroke: var(--muted); stroke-dasharray: 1 3; }
.bar { stroke: var(--muted); }
svg .life { stroke: var(--muted); stroke-width: 1.5; }
svg .life.current { stroke: var(--accent); stroke-width: 3; }
.waits { stroke-dasharray: 4 3; }
.lane { fill: var(--lane); }
svg .mark { stroke: var(--card); stroke-width: 1; }
svg .mark.ink { fill: var(--ink); }
svg .mark.accent { fill: var(--accent); }
svg .mark.bad { fill: var(--bad); }
svg .mark.hollow { fill: var(--card); stroke: var(--ink); stroke-width: 1.5; }
svg .mark.cross { stroke: var(--bad); stroke-width: 2.5; }
figcaption { color: var(--muted); font-size: 13px; margin-top: 8px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 4px 0 0; padding: 0; }
.legend li { display: flex; align-items: center; gap: 6px; }
.legend svg { width: 16px; height: 16px; flex: none; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; vertical-align: baseline; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--muted); font-size: 12px; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
td.number, th.number { text-align: right; }
td.image { min-width: 15ch; overflow-wrap: break-word; word-break: break-word; }
td.node { white-space: nowrap; }
td.long { min-width: 20ch; overflow-wrap: anywhere; }
td .badge { font-size: 11px; padding: 0 7px; margin-left: 4px; font-family: system-ui, "DejaVu Sans", sans-serif; }
tr.current td:first-child { font-weight: 600; }
time { white-space: nowrap; }
summary { cursor: pointer; font-weight: 600; font-size: 14px; margin-top: 22px; }
summary + table { margin-top: 6px; }
footer { color: var(--muted); font-size: 13px; padding-bottom: 40px; }
@media screen and (max-width: 900px) {
    header, main, footer { padding-left: 12px; padding-right: 12px; }
    .card { padding: 14px 12px; margin: 12px 0; }
    table, tbody, tr { display: block; }
    thead { display: none; }
    tr { border-bottom: 1px solid var(--line); padding: 7px 0; }
    td, td.number { display: inline-block; border: 0; padding: 0 14px 0 0; text-align: left; }
    td:first-child { display: block; }
    td:empty { display: none; }
    td.node { white-space: normal; }
    td { max-width: 100%; overflow-wrap: anywhere; }
    td:not(:first-child)::before { content: attr(data-label) "\\00a0"; color: var(--muted); font-family: system-ui, "DejaVu Sans", sans-serif; }
}
@media screen and (max-width: 760px) {
    svg.wide { display: none; }
    svg.narrow { display: block; }
}
@media print {
    :root { color-scheme: light; ${LIGHT} --page: #ffffff; }
    * { print-color-adjust: exact; }
    body { font-size: 12px; }
    header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
    .card { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 14px 0; margin: 14px 0 0; }
    table { font-size: 10px; }
    th { font-size: 9px; }
    th, td { padding-right: 8px; }
    figure, tr, .attention, .next { break-inside: avoid; }
    details::details-content { content-visibility: visible; block-size: auto; }
}
`;
