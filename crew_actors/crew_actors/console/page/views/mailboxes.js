// Mailboxes of actors: how much waits in them, and what was said to agents.

import { short } from "../format.js";
import { Empty, html, memo, pending, useMemo, useScope, useState } from "../ui.js";
import { Talk } from "./talk.js";
import { WhoseTree } from "./whose.js";

export function Mailboxes({ place }) {
  const scope = useScope({ scope: "mailboxes", ...(place.run ? { run: place.run } : {}) });
  const run = useScope(place.run ? { scope: "run", run: place.run } : null);
  const [filter, setFilter] = useState("");
  const rows = scope.state?.rows;
  const shown = useMemo(() => sorted(rows ?? {}, filter), [rows, filter]);
  return html`<section class="view">
    <div class="head"><h1>Mailboxes</h1><input type="search" class="filter" data-filter placeholder="Filter" aria-label="Filter mailboxes" value=${filter} onInput=${(event) => setFilter(event.target.value)} /></div>
    <${WhoseTree} place=${place} />
    ${pending(scope, "the mailboxes") ?? (shown.length ? html`<div class="table-box" tabindex="0" role="group" aria-label="Mailboxes"><table class="table">
      <thead><tr><th>Mailbox</th><th>Depth</th><th class="num">Queued</th><th class="num">Room</th><th class="num">Taken</th></tr></thead>
      <tbody>${shown.map((row) => html`<${Box} key=${row.name} row=${row} />`)}</tbody>
    </table></div>` : html`<${Empty} title=${filter ? "No mailbox fits" : "There are no mailboxes"} />`)}
    ${place.run && run.state ? html`<h2>Messages to agents</h2><${Talk} run=${place.run} seq=${run.state.head.seq} tasks=${run.state.order} />` : null}
  </section>`;
}

/** The fullest first; then by name. Pure. */
export function sorted(rows, filter) {
  return Object.values(rows)
    .filter((row) => row.name.toLowerCase().includes(filter.toLowerCase()))
    .sort((a, b) => b.queued - a.queued || (a.name < b.name ? -1 : 1));
}

const Box = memo(({ row }) => {
  const part = row.capacity ? Math.min(1, row.queued / row.capacity) : 0;
  return html`<tr><td class="mono">${row.name}</td>
    <td><span class=${`depth ${part > 0.8 ? "full" : ""}`}><i style=${{ width: `${part * 100}%` }}></i></span></td>
    <td class="num">${row.queued}</td><td class="num">${row.capacity || "no limit"}</td><td class="num">${short(row.taken)}</td></tr>`;
});
