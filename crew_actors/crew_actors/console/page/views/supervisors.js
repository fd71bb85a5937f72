// The tree of supervisors, of the server or of the owner of a run.

import { counted } from "../format.js";
import { html, memo, pending, useScope, useState } from "../ui.js";
import { WhoseTree } from "./whose.js";

const TROUBLE = ["failed", "crashed", "gave_up", "dead"];

export function Supervisors({ place }) {
  const scope = useScope({ scope: "supervisors", ...(place.run ? { run: place.run } : {}) });
  const [closed, setClosed] = useState(new Set());
  const toggle = (path) => {
    const next = new Set(closed);
    if (!next.delete(path)) next.add(path);
    setClosed(next);
  };
  const tree = scope.state?.tree;
  const restarts = tree ? sumOf(tree) : 0;
  return html`<section class="view">
    <div class="head"><h1>Supervisors</h1>${tree ? html`<p class="muted">${counted(restarts, "restart")}</p>` : null}</div>
    <${WhoseTree} place=${place} />
    ${pending(scope, "the supervisors") ?? html`<ul class="tree" role="tree" aria-label="Supervisors" onKeyDown=${heed}><${Branch} node=${tree} path="" level=${1} closed=${closed} toggle=${toggle} /></ul>`}
  </section>`;
}

/** Restarts in a tree, all together. Pure. */
export function sumOf(node) {
  return (node.restarts ?? 0) + (node.children ?? []).reduce((sum, child) => sum + sumOf(child), 0);
}

/** Arrow keys go through a tree as its readers expect. */
function heed(event) {
  const item = event.target.closest("[role=treeitem]");
  if (!item || !event.key.startsWith("Arrow")) return;
  const all = [...event.currentTarget.querySelectorAll("[role=treeitem]")];
  const open = item.getAttribute("aria-expanded");
  event.preventDefault();
  event.stopPropagation();
  if ((event.key === "ArrowRight" && open === "false") || (event.key === "ArrowLeft" && open === "true")) item.querySelector(".node-line").click();
  else if (event.key === "ArrowLeft") item.parentElement.closest("[role=treeitem]")?.focus();
  else all[all.indexOf(item) + (event.key === "ArrowUp" ? -1 : 1)]?.focus();
}

const Branch = memo(({ node, path, level, closed, toggle }) => {
  const mine = `${path}/${node.name}`;
  const kids = node.children ?? [];
  const open = !closed.has(mine);
  const press = () => kids.length && toggle(mine);
  return html`<li role="treeitem" aria-level=${level} aria-expanded=${kids.length ? String(open) : null} aria-selected="false" tabindex=${level === 1 ? 0 : -1} data-row data-press onKeyDown=${(event) => event.key === "Enter" && event.target === event.currentTarget && press()}>
    <div class="node-line" onClick=${press}>
      <span class="twist" aria-hidden="true">${kids.length ? (open ? "▾" : "▸") : ""}</span>
      <span class=${`kind-mark k-${node.kind}`} aria-hidden="true"></span>
      <span class="node-title">${node.name}</span>
      <span class="muted">${node.kind}${node.strategy ? ` · ${node.strategy.replaceAll("_", " ")}` : ""}</span>
      <span class=${TROUBLE.includes(node.status) ? "bad" : "muted"}>${node.status.replaceAll("_", " ")}</span>
      ${node.restarts ? html`<em class="badge">${counted(node.restarts, "restart")}</em>` : null}
      ${node.mailbox ? html`<span class="muted num">${node.mailbox.queued} of ${node.mailbox.capacity} queued</span>` : null}
      ${node.pid ? html`<span class="muted num">process ${node.pid}</span>` : null}
    </div>
    ${kids.length && open ? html`<ul role="group">${kids.map((child) => html`<${Branch} key=${child.name} node=${child} path=${mine} level=${level + 1} closed=${closed} toggle=${toggle} />`)}</ul>` : null}
  </li>`;
});
