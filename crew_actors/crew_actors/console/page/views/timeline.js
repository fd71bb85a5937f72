// When each attempt ran.

import { duration, moment } from "../format.js";
import { hashOf } from "../router.js";
import { attemptsOf, hasEnded } from "../store.js";
import { html, memo, pending, Sign, useMemo, useNow, useScope, useSlow } from "../ui.js";

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800, 604800];

/** Marks for a span of *seconds*: at most eight, at round numbers. Pure. */
export function marksOf(seconds) {
  const step = STEPS.find((one) => seconds / one <= 8) ?? STEPS[STEPS.length - 1];
  const marks = [];
  for (let at = 0; at <= seconds && marks.length < 20; at += step) marks.push(at);
  return marks;
}

export function Timeline({ run, head, order, tasks }) {
  const scope = useSlow(useScope({ scope: "events", run }));
  const events = scope.state?.events;
  const marks = scope.state?.marks;
  const attempts = useMemo(() => attemptsOf(marks ?? []), [marks]);
  const runs = !hasEnded(head.status) && head.status !== "interrupted";
  const now = Math.ceil(useNow(runs));
  const missing = pending(scope, "the timeline");
  if (missing) return missing;
  const start = head.started_at ?? head.created_at;
  const last = events.length ? events[events.length - 1].at : start;
  const end = Math.max(runs ? now : head.ended_at ?? last, start + 1);
  const span = end - start;
  return html`<section class="timeline" aria-label="Timeline">
    <div class="timeline-row scale" aria-hidden="true"><span></span><div class="lane">
      ${marksOf(span).map((at) => html`<i key=${at} class="mark" style=${{ left: `${(at / span) * 100}%` }}>${at === 0 ? moment(start, end) : `+${shortly(at)}`}</i>`)}
    </div></div>
    <ul class="rows">
      ${order.map((id) => tasks[id] ? html`<${Lane} key=${id} run=${run} id=${id} status=${tasks[id].status} attempts=${attempts.get(id)} start=${start} end=${end} />` : null)}
    </ul>
  </section>`;
}

function shortly(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${seconds / 60} m`;
  return seconds < 86400 ? `${seconds / 3600} h` : `${seconds / 86400} d`;
}

const Lane = memo(({ run, id, status, attempts, start, end }) => {
  const span = end - start;
  const list = attempts ?? [];
  const told = list.map((one, place) => `attempt ${place + 1} ${one.outcome.replaceAll("_", " ")} after ${duration((one.end ?? end) - one.start)}`).join(", ");
  return html`<li><a class="row timeline-row" data-row href=${hashOf({ view: "task", run, task: id })} aria-label=${`${id}: ${told || status}`}>
    <span class="row-main"><${Sign} status=${status} silent=${true} /> <b>${id}</b></span>
    <div class="lane">
      ${list.map((one) => html`<i key=${one.attempt} class=${`span s-${one.outcome}`} title=${`${one.attempt}: ${one.outcome.replaceAll("_", " ")}, ${duration((one.end ?? end) - one.start)}`} style=${{ left: `${Math.max(0, ((one.start - start) / span) * 100)}%`, width: `${Math.max(0, (((one.end ?? end) - one.start) / span) * 100)}%` }}></i>`)}
    </div>
  </a></li>`;
});
