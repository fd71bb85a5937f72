// Choose whose supervisors, mailboxes or dead letters are shown.

import { headline } from "../format.js";
import { hasEnded } from "../store.js";
import { html, useHouse, useScope } from "../ui.js";

export function WhoseTree({ place }) {
  const { go } = useHouse();
  const { state } = useScope({ scope: "runs" });
  const rows = state ? Object.values(state.rows) : [];
  const shown = rows.filter((row) => row.run === place.run || (!hasEnded(row.status) && row.owner));
  const named = shown.some((row) => row.run === place.run);
  return html`<div class="tools"><label class="field whose"><span>Of</span>
    <select value=${place.run ?? ""} onChange=${(event) => go({ view: place.view, ...(event.target.value ? { run: event.target.value } : {}) })}>
      <option value="">this server</option>
      ${place.run && !named ? html`<option value=${place.run}>${place.run}</option>` : null}
      ${shown.map((row) => html`<option key=${row.run} value=${row.run}>${headline(row.goal, 60)} · ${row.run}</option>`)}
    </select></label></div>`;
}
