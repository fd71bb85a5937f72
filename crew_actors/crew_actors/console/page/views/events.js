// What happened, newest last: of a run, or of one of its tasks.

import { moment, usage } from "../format.js";
import { Empty, html, memo, pending, useEffect, useHouse, useMemo, useRef, useScope, useSlow, useState } from "../ui.js";

const SHOWN = 250;
const FREQUENT = ["attempt.progress", "attempt.usage", "attempt.heartbeat"];
const HIDDEN = ["seq", "at", "kind", "task", "attempt"];

export function EventList({ run, task = null }) {
  const scope = useSlow(useScope({ scope: "events", run }));
  const { now } = useHouse();
  const [filter, setFilter] = useState("");
  const [all, setAll] = useState(false);
  const [most, setMost] = useState(SHOWN);
  const events = scope.state?.events;
  const fitting = useMemo(() => (events ?? []).filter((event) => (all || !FREQUENT.includes(event.kind)) && (task === null || event.task === task) && fits(event, filter)), [events, task, filter, all]);
  const shown = fitting.slice(-most);
  const box = useRef(null);
  useFollow(box, shown.length && shown[shown.length - 1].seq);
  const missing = pending(scope, "events");
  if (missing) return missing;
  const today = now();
  return html`<section aria-label="Events">
    <div class="tools"><input type="search" class="filter" data-filter placeholder="Filter" aria-label="Filter events" value=${filter} onInput=${(event) => setFilter(event.target.value)} /><div class="choice" role="group" aria-label="Show"><button type="button" aria-pressed=${String(!all)} onClick=${() => setAll(false)}>What counts</button><button type="button" aria-pressed=${String(all)} title="with progress, usage and heartbeats" onClick=${() => setAll(true)}>All</button></div><span class="muted num">${fitting.length}</span></div>
    <div class="scroll events" ref=${box} tabindex="0" role="group" aria-label="Events, newest last">
      ${fitting.length > shown.length ? html`<button type="button" class="button quiet" onClick=${() => setMost(most + SHOWN)}>Show earlier ones</button>` : null}
      <ol>${shown.map((event) => html`<${EventRow} key=${event.seq} event=${event} at=${moment(event.at, today)} of=${task === null} />`)}</ol>
      ${shown.length ? null : html`<${Empty} title="No events" />`}
    </div>
  </section>`;
}

/** Keep the end in view while it is in view. */
function useFollow(box, last) {
  const follows = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const heed = () => (follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < 40);
    element.addEventListener("scroll", heed, { passive: true });
    return () => element.removeEventListener("scroll", heed);
  }, [box.current]);
  useEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [last]);
}

function fits(event, filter) {
  if (!filter) return true;
  const text = `${event.kind} ${event.task ?? ""} ${told(event)}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

const EventRow = memo(({ event, at, of }) => html`<li data-seq=${event.seq} class=${`event e-${event.kind.split(".")[0]}`}>
  <time class="num muted">${at}</time><span class="kind">${event.kind}</span>${of ? html`<span class="of">${event.task ?? ""}</span>` : null}<span class="told">${told(event)}</span>
</li>`);

/** Say in a line what an event holds. Pure. */
export function told(event) {
  if (event.text !== undefined) return String(event.text);
  if (event.failure) return `${event.failure.kind}: ${event.failure.message}`;
  if (event.usage) return usage(event.usage);
  if (event.question?.text) return event.question.text;
  if (event.message?.text) return `${event.message.kind.replaceAll("_", " ")} by ${event.message.by}: ${event.message.text}`;
  if (event.artifact) return event.artifact.name;
  if (event.kind === "run.created") return event.plan?.goal ?? "";
  const parts = [];
  for (const [name, value] of Object.entries(event)) {
    if (HIDDEN.includes(name) || value === null || value === "" || typeof value === "object") continue;
    parts.push(`${name.replaceAll("_", " ")} ${typeof value === "number" && !Number.isInteger(value) ? value.toFixed(3) : value}`);
  }
  return parts.join(" · ");
}
