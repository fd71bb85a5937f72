// What is known of a task beside what it does now: plan, prompt, attempts, result.

import { bytes, duration, moment, usage } from "../format.js";
import { hashOf } from "../router.js";
import { Empty, html, Status, useAnswer, useHouse } from "../ui.js";
import { Prose } from "./summary.js";

export function About({ run, task }) {
  const house = useHouse();
  const answer = useAnswer("task", { run, task: task.task }, [task.status, task.attempts]);
  if (answer.error) return html`<${Empty} title="The task cannot be shown">${answer.error.message}<//>`;
  if (answer.loading) return html`<div class="loading" aria-busy="true"></div>`;
  const found = answer.result;
  return html`<section class="about" aria-label="About the task">
    <dl class="pairs">
      ${pair("After", task.depends.map((id, place) => html`<span key=${id}>${place ? ", " : ""}<a href=${hashOf({ view: "task", run, task: id })}>${id}</a></span>`), task.depends.length)}
      ${pair("Writes", task.writes ? "yes" : "no", true)}
      ${pair("Runtime", found.plan.runtime, found.plan.runtime)}
      ${pair("Command", found.plan.command?.argv?.join(" "), found.plan.command)}
      ${pair("Worktree", found.workspace, found.workspace)}
      ${pair("Branch", found.branch, found.branch)}
      ${pair("Claimed by", found.claim?.owner, found.claim)}
      ${pair("Left", found.artifacts.map((one) => `${one.name} (${bytes(one.size)})`).join(", "), found.artifacts.length)}
      ${pair("Nested runs", (task.nested ?? []).map((id) => html`<a key=${id} href=${hashOf({ view: "run", run: id })}>${id} </a>`), task.nested?.length)}
    </dl>
    ${found.result ? html`<h2>Result</h2><article class="prose">${found.result.problem ? html`<p>${found.result.problem}</p>` : html`<${Prose} text=${found.result.text} />`}</article>` : null}
    ${found.attempts.length ? html`<h2>Attempts</h2><${Attempts} attempts=${found.attempts} now=${house.now()} />` : null}
    <h2>Prompt</h2>
    <pre class="block" tabindex="0">${found.prompt}</pre>
  </section>`;
}

function pair(name, value, known) {
  return known ? html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>` : null;
}

function Attempts({ attempts, now }) {
  return html`<div class="table-box" tabindex="0" role="group" aria-label="Attempts"><table class="table">
    <thead><tr><th>Attempt</th><th>Outcome</th><th class="num">Began</th><th class="num">Took</th><th class="num">Used</th><th>Why</th></tr></thead>
    <tbody>${attempts.map((one) => html`<tr key=${one.attempt}><td class="mono">${one.attempt}</td><td><${Status} status=${one.outcome === "at work" ? "running" : one.outcome.replaceAll(" ", "_")} /></td><td class="num">${moment(one.started_at, now)}</td><td class="num">${one.ended_at ? duration(one.ended_at - one.started_at) : ""}</td><td class="num">${usage(one.usage)}</td><td>${one.failure?.message ?? one.why}</td></tr>`)}</tbody>
  </table></div>`;
}
