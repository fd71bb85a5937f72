// The graph of tasks.

import { headline } from "../format.js";
import { layout, neighbour, SIZES } from "../graph.js";
import { hashOf } from "../router.js";
import { Empty, html, memo, statusShape, useHouse, useMemo, useRef, useState } from "../ui.js";

const MARGIN = 8;
const MANY = 40;
const NARROW = 720;

export function Graph({ run, order, tasks }) {
  const { go } = useHouse();
  const box = useRef(null);
  const [chosen, choose] = useState(null);
  const small = (chosen ?? (order.length > MANY ? "small" : "wide")) === "small";
  const size = SIZES[small ? "small" : "wide"];
  const shape = order.map((id) => `${id}<${tasks[id]?.depends ?? ""}`).join("\n");
  const placed = useMemo(() => layout(order.filter((id) => tasks[id]).map((id) => ({ id, depends: tasks[id].depends })), size), [shape, size]);
  const [fit, setFit] = useState(innerWidth > NARROW);
  if (!order.length) return html`<${Empty} title="No tasks yet" />`;
  const wide = placed.width + 2 * MARGIN;
  const high = placed.height + 2 * MARGIN;
  const arrow = (event) => {
    const id = event.target.closest("[data-task]")?.dataset.task;
    if (!event.key.startsWith("Arrow") || !id) return;
    const next = neighbour(placed, id, event.key);
    event.preventDefault();
    if (next !== null) focusTask(box.current, next);
  };
  const press = (event) => {
    const id = event.target.closest("[data-task]")?.dataset.task;
    if (id && (event.type === "click" || event.key === "Enter")) {
      event.preventDefault();
      go({ view: "task", run, task: id });
    }
  };
  return html`<section aria-label="Task graph">
    <div class="tools">
      <div class="choice" role="group" aria-label="Size of tasks">
        <button type="button" aria-pressed=${String(!small)} onClick=${() => choose("wide")}>Names</button>
        <button type="button" aria-pressed=${String(small)} onClick=${() => choose("small")}>Small</button>
      </div>
      <div class="choice" role="group" aria-label="Scale"><button type="button" aria-pressed=${String(fit)} onClick=${() => setFit(true)}>Fit</button><button type="button" aria-pressed=${String(!fit)} onClick=${() => setFit(false)}>Full size</button></div>
      <${Legend} tasks=${tasks} />
    </div>
    <div class="graph" ref=${box} onKeyDown=${(event) => (event.key === "Enter" ? press(event) : arrow(event))} onClick=${press}>
      <svg viewBox=${`${-MARGIN} ${-MARGIN} ${wide} ${high}`} width=${wide} height=${high} class=${fit ? "fit" : ""} style=${fit ? { maxWidth: `${wide}px` } : {}} role="group" aria-label=${`${order.length} tasks and what they wait for`}>
        <${Edges} edges=${placed.edges} tasks=${tasks} />
        ${order.map((id, place) => tasks[id] && placed.nodes.has(id) ? html`<${Node} key=${id} id=${id} href=${hashOf({ view: "task", run, task: id })} x=${placed.nodes.get(id).x} y=${placed.nodes.get(id).y} size=${size} small=${small} status=${tasks[id].status} title=${tasks[id].title} agent=${tasks[id].agent} asks=${tasks[id].questions.length > 0} first=${place === 0} />` : null)}
      </svg>
    </div>
  </section>`;
}

function focusTask(box, id) {
  for (const node of box.querySelectorAll("[data-task]")) if (node.dataset.task === id) node.focus();
}

function Edges({ edges, tasks }) {
  return html`<g class="edges" aria-hidden="true">
    ${edges.map((edge) => html`<${Edge} key=${`${edge.from}\n${edge.to}`} path=${edge.path} status=${tasks[edge.from]?.status === "completed" ? (tasks[edge.to]?.status === "running" ? "live" : "done") : "open"} />`)}
  </g>`;
}

const Edge = memo(({ path, status }) => html`<path d=${path} class=${`edge ${status}`} />`);

const Node = memo(({ id, href, x, y, size, small, status, title, agent, asks, first }) => {
  const name = `${id}: ${status.replaceAll("_", " ")}${asks ? ", asks a question" : ""}${title && title !== id ? `, ${headline(title, 80)}` : ""}`;
  const sign = html`<svg x=${small ? (size.width - 14) / 2 : 10} y=${(size.height - 14) / 2} width="14" height="14" viewBox="0 0 16 16" class=${`sign s-${status}`}>${statusShape(status)}</svg>`;
  return html`<a href=${href} class=${`node s-${status} ${asks ? "asks" : ""}`} data-task=${id} data-row aria-label=${name} tabindex=${first ? 0 : -1} transform=${`translate(${x} ${y})`}>
    <title>${name}</title>
    <rect width=${size.width} height=${size.height} rx=${small ? 5 : 8} />
    ${sign}
    ${small ? null : html`<text x="32" y=${size.height / 2 - 2} class="node-name">${cut(id, 19)}</text><text x="32" y=${size.height / 2 + 12} class="node-agent">${cut(agent, 22)}</text>`}
  </a>`;
});

function cut(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function Legend({ tasks }) {
  const known = [...new Set(Object.values(tasks).map((task) => task.status))].sort().join(" ");
  return html`<ul class="legend" aria-label="Signs">
    ${known.split(" ").filter(Boolean).map((status) => html`<li key=${status}><svg class=${`sign s-${status}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">${statusShape(status)}</svg>${status.replaceAll("_", " ")}</li>`)}
  </ul>`;
}
