// Messages that nobody has handled.

import { moment } from "../format.js";
import { Empty, html, memo, pending, useHouse, useMemo, useScope, useState } from "../ui.js";
import { WhoseTree } from "./whose.js";

export function Letters({ place }) {
  const scope = useScope({ scope: "deadletters", ...(place.run ? { run: place.run } : {}) });
  const { now } = useHouse();
  const [filter, setFilter] = useState("");
  const { state } = scope;
  const shown = useMemo(() => (state?.letters ?? []).filter((one) => `${one.to} ${one.what} ${one.why}`.toLowerCase().includes(filter.toLowerCase())), [state, filter]);
  return html`<section class="view">
    <div class="head"><h1>Dead letters</h1>${state ? html`<p class="muted">${state.total} in all${state.total > state.letters.length ? `, the newest ${state.letters.length} are shown` : ""}</p>` : null}
      <input type="search" class="filter" data-filter placeholder="Filter" aria-label="Filter dead letters" value=${filter} onInput=${(event) => setFilter(event.target.value)} /></div>
    <${WhoseTree} place=${place} />
    ${pending(scope, "the dead letters") ?? (shown.length ? html`<div class="table-box" tabindex="0" role="group" aria-label="Dead letters"><table class="table letters">
      <thead><tr><th>When</th><th>To</th><th>What</th><th>Why</th></tr></thead>
      <tbody>${shown.map((one) => html`<${Letter} key=${one.id} one=${one} at=${moment(one.at, now())} />`)}</tbody>
    </table></div>` : html`<${Empty} title=${filter && state.total ? "No dead letter fits" : "No dead letters"}>${filter ? null : "Each message has found somebody."}<//>`)}
  </section>`;
}

const Letter = memo(({ one, at }) => html`<tr><td class="num">${at}</td><td class="mono">${one.to}</td><td class="mono told">${one.what}</td><td>${one.why}</td></tr>`);
