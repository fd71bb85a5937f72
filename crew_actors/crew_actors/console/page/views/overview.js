// All runs of the project.

import { ago, counted, duration, headline, money, short, tokens } from "../format.js";
import { groupRuns, hasEnded, wantsPerson } from "../store.js";
import { Bar, Empty, html, memo, pending, Sign, useMemo, useNow, useScope, useState } from "../ui.js";

const GROUPS = [["wanting", "Waiting for you"], ["active", "At work"], ["ended", "Ended"]];

export function Overview() {
  const scope = useScope({ scope: "runs" });
  const [filter, setFilter] = useState("");
  const rows = scope.state?.rows;
  const groups = useMemo(() => rows && groupRuns(fitting(rows, filter)), [rows, filter]);
  const any = groups && (groups.wanting.length || groups.active.length);
  const now = useNow(true);
  return html`<section class="view">
    <div class="head">
      <h1>Runs</h1>
      <input type="search" class="filter" data-filter placeholder="Filter" aria-label="Filter runs" value=${filter} onInput=${(event) => setFilter(event.target.value)} />
    </div>
    ${pending(scope, "runs") ?? (Object.keys(rows).length ? GROUPS.map(([name, title]) => groups[name].length ? html`<${Group} key=${name} title=${title} rows=${groups[name]} now=${Math.floor(now)} calm=${name === "ended" && any} />` : null) : html`<${First} />`)}
    ${rows && Object.keys(rows).length && !groups.wanting.length && !groups.active.length && !groups.ended.length ? html`<${Empty} title="No run fits" />` : null}
  </section>`;
}

function First() {
  return html`<${Empty} title="No run yet">Start one with <a href="#/start">Start a team</a>, or in a terminal with <code>crew run "…"</code>.<//>`;
}

function fitting(rows, filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return rows;
  return Object.fromEntries(Object.entries(rows).filter(([, row]) => {
    const text = `${row.goal} ${row.run} ${row.team} ${row.workflow} ${row.status}`.toLowerCase();
    return words.every((word) => text.includes(word));
  }));
}

function Group({ title, rows, now }) {
  return html`<section class="group" aria-label=${title}>
    <h2>${title} <span class="count">${rows.length}</span></h2>
    <ul class="rows">${rows.map((row) => html`<${RunRow} key=${row.run} row=${row} now=${hasEnded(row.status) ? 60 * Math.ceil(now / 60) : now} />`)}</ul>
  </section>`;
}

const RunRow = memo(({ row, now }) => {
  const done = Object.entries(row.counts).reduce((sum, [status, count]) => sum + (hasEnded(status) ? count : 0), 0);
  const status = row.status ?? (row.partial ? "unread" : "unreadable");
  return html`<li class=${wantsPerson(row) && row.owner ? "wants" : ""}>
    <a class="row run-row" data-row href=${`#/run/${encodeURIComponent(row.run)}`}>
      <${Sign} status=${row.status} silent=${true} />
      <span class="row-main"><b class="goal">${headline(row.goal)}</b><span class="sub">${status} · ${row.team}${row.problem ? ` · ${row.problem}` : ""}</span></span>
      <span class="asks">${row.questions > 0 ? html`<em class="badge">${counted(row.questions, "question")}</em>` : null}${row.approval === "requested" && !hasEnded(row.status) ? html`<em class="badge">approval</em>` : null}</span>
      <span class="row-bar"><${Bar} counts=${row.counts} total=${row.tasks} /><span class="num">${row.tasks ? `${done}/${row.tasks}` : ""}</span></span>
      <span class="num used">${tokens(row.usage) ? short(tokens(row.usage)) : ""} ${money(row.usage?.cost)}</span>
      <span class="num when">${timeOf(row, now)}</span>
    </a>
  </li>`;
});

function timeOf(row, now) {
  if (row.started_at && !hasEnded(row.status) && row.status !== "interrupted") return duration(now - Math.floor(row.started_at));
  return ago(row.ended_at ?? row.created_at, now);
}
