// What a run has left, and what it has changed.

import { bytes } from "../format.js";
import { Empty, html, Icon, useAnswer, useHouse } from "../ui.js";

export function Files({ run, seq }) {
  const left = useAnswer("artifacts", { run }, [seq]);
  const changes = useAnswer("diff", { run }, [seq]);
  return html`<section class="files" aria-label="Files">
    <h2>Artifacts</h2>
    <${Left} answer=${left} />
    <h2>Changes</h2>
    <${Changes} answer=${changes} />
  </section>`;
}

function Left({ answer }) {
  const house = useHouse();
  if (answer.error) return html`<${Empty} title="Artifacts cannot be shown">${answer.error.message}<//>`;
  if (answer.loading) return html`<div class="loading" aria-busy="true"></div>`;
  const { artifacts } = answer.result;
  if (!artifacts.length) return html`<${Empty} title="Nothing was left yet" />`;
  const copy = (path) => navigator.clipboard?.writeText(path).then(() => house.tell("The path is copied."), () => house.tell(path));
  return html`<table class="table">
    <thead><tr><th>Task</th><th>Name</th><th class="num">Size</th><th><span class="visually-hidden">Path</span></th></tr></thead>
    <tbody>${artifacts.map((one) => html`<tr key=${one.path}><td>${one.task}</td><td>${one.name}${one.present ? "" : html` <em class="badge">missing</em>`}</td><td class="num">${bytes(one.size)}</td>
      <td><button type="button" class="button quiet" title=${one.path} aria-label=${`Copy the path of ${one.name} of ${one.task}`} onClick=${() => copy(one.path)}><${Icon} name="copy" /></button></td></tr>`)}</tbody>
  </table>`;
}

function Changes({ answer }) {
  if (answer.error) return html`<${Empty} title="Changes cannot be shown">${answer.error.message}<//>`;
  if (answer.loading) return html`<div class="loading" aria-busy="true"></div>`;
  const { changes, isolated } = answer.result;
  if (!changes.length) return html`<${Empty} title=${isolated ? "No task has changed anything" : "The tasks share the project"}>${isolated ? null : "What they change is in the project itself; git diff tells it."}<//>`;
  return changes.map((one) => html`<details key=${one.attempt} class="change" open=${changes.length === 1}>
    <summary><b>${one.task}</b> <span class="muted">${one.attempt}${one.live ? " · at work" : ""}</span></summary>
    <${Patch} text=${one.patch} />
    ${one.left_out ? html`<p class="muted">${bytes(one.left_out)} more are in ${one.path ?? one.worktree}.</p>` : null}
  </details>`);
}

const MARKS = { "+": "added", "-": "removed", "@": "place" };

/** A patch, line by line. */
export function Patch({ text }) {
  return html`<pre class="patch" tabindex="0">${text.split("\n").map((line, place) => html`<span key=${place} class=${MARKS[line[0]] ?? ""}>${line}\n</span>`)}</pre>`;
}
