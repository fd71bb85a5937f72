// Figures over time.

import { measured, moment, words } from "../format.js";
import { chartOf, nearest } from "../chart.js";
import { Empty, html, memo, pending, useHouse, useMemo, useRef, useScope, useState } from "../ui.js";

const SHORTEST = 60;
const SPANS = [[60, "1 m"], [300, "5 m"], [600, "10 m"]];

export function Metrics() {
  const scope = useScope({ scope: "metrics" });
  const [span, setSpan] = useState(300);
  const [filter, setFilter] = useState("");
  const { now } = useHouse();
  const missing = pending(scope, "the metrics");
  const { moving, still } = missing ? { moving: [], still: [] } : split(scope.state.series, filter.toLowerCase());
  const end = now();
  return html`<section class="view">
    <div class="head"><h1>Metrics</h1>
      <div class="choice" role="group" aria-label="Time">${SPANS.map(([seconds, title]) => html`<button key=${seconds} type="button" aria-pressed=${String(span === seconds)} onClick=${() => setSpan(seconds)}>${title}</button>`)}</div>
      <input type="search" class="filter" data-filter placeholder="Filter" aria-label="Filter metrics" value=${filter} onInput=${(event) => setFilter(event.target.value)} />
    </div>
    ${missing ?? (moving.length + still.length ? html`<div class="charts">${moving.map((name) => html`<${Chart} key=${name} name=${name} series=${scope.state.series[name]} span=${span} end=${end} />`)}</div>
    ${still.length ? html`<h2>Unchanged so far</h2><ul class="still">${still.map((name) => html`<${Still} key=${name} name=${name} series=${scope.state.series[name]} />`)}</ul>` : null}` : html`<${Empty} title=${filter ? "No metric fits" : "There are no figures yet"} />`)}
  </section>`;
}

/** Figures that have moved, and those that have not. Pure. */
export function split(series, filter) {
  const names = Object.keys(series).filter((name) => words(name).includes(filter) || name.includes(filter)).sort(oursLast);
  const moves = (name) => series[name].points.some((point) => point[1] !== series[name].points[0][1]);
  return { moving: names.filter(moves), still: names.filter((name) => !moves(name)) };
}

/** What the console counts of itself comes after all else. */
function oursLast(a, b) {
  return a.startsWith("console_") - b.startsWith("console_") || (a < b ? -1 : 1);
}

const Still = memo(({ name, series }) => html`<li title=${series.help}><span>${words(name)}</span> <b class="num">${measured(lastOf(series), series.unit)}</b></li>`);

function lastOf(series) {
  return series.points.length ? series.points[series.points.length - 1][1] : null;
}

/** When a chart begins: with the first point, but never less than a minute ago. */
function beginOf(series, span, end) {
  return Math.max(end - span, Math.min(end - SHORTEST, series.points[0]?.[0] ?? end));
}

function shortly(seconds) {
  return seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} m`;
}

const Chart = memo(({ name, series, span, end }) => {
  const start = beginOf(series, span, end);
  const [at, setAt] = useState(null);
  const box = useRef(null);
  const chart = useMemo(() => chartOf(series.points, start, end), [series, start, Math.floor(end)]);
  const last = lastOf(series);
  const point = at === null ? null : nearest(series.points, start + at * (end - start));
  const move = (event) => {
    const { left, width } = box.current.getBoundingClientRect();
    setAt(Math.min(1, Math.max(0, (event.clientX - left) / width)));
  };
  const shown = point ?? [null, last];
  return html`<figure class="chart" title=${series.help}>
    <figcaption><span class="chart-name">${words(name)}</span><b class="num">${measured(shown[1], series.unit)}</b>
      <span class="sub">${point ? moment(point[0], end) : series.help}</span></figcaption>
    <div class="chart-box"><svg ref=${box} viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label=${`${words(name)}: ${measured(last, series.unit)}; between ${measured(chart.least, series.unit)} and ${measured(chart.most, series.unit)}`} onPointerMove=${move} onPointerLeave=${() => setAt(null)}>
      <path class="grid" d="M0 .5H100M0 20H100M0 39.5H100" />
      <path class="area" d=${chart.area} /><path class="curve" d=${chart.line} />
      ${at === null ? null : html`<path class="cursor" d=${`M${at * 100} 0V40`} />`}
    </svg>
      <span class="chart-mark high sub num" aria-hidden="true">${measured(chart.most, series.unit)}</span>
      ${chart.low === chart.most ? null : html`<span class="chart-mark low sub num" aria-hidden="true">${measured(chart.low, series.unit)}</span>`}
    </div>
    <p class="chart-foot sub num" aria-hidden="true"><span>${shortly(end - start)} ago</span><span>now</span></p>
  </figure>`;
});
