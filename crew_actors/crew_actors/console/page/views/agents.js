// The agents of a run, one row for each task.

import { bytes, duration, headline, short, tokens } from "../format.js";
import { hasEnded } from "../store.js";
import { Empty, html, memo, Sign, useMemo, useNow, useState } from "../ui.js";

const SHOWN = [["", "All"], ["active", "At work"], ["trouble", "Trouble"], ["open", "Open"], ["completed", "Completed"]];

export function Agents({ run, order, tasks }) {
  const [filter, setFilter] = useState("");
  const [only, setOnly] = useState("");
  const busy = order.some((id) => tasks[id] && !hasEnded(tasks[id].status));
  const now = Math.floor(useNow(busy));
  const shown = useMemo(() => order.filter((id) => tasks[id] && fits(tasks[id], filter, only)), [order, tasks, filter, only]);
  return html`<section aria-label="Agents">
    <div class="tools">
      <input type="search" class="filter" data-filter placeholder="Filter" aria-label="Filter agents" value=${filter} onInput=${(event) => setFilter(event.target.value)} />
      <div class="choice" role="group" aria-label="Show">${SHOWN.map(([id, title]) => html`<button key=${id} type="button" aria-pressed=${only === id ? "true" : "false"} onClick=${() => setOnly(id)}>${title}</button>`)}</div>
    </div>
    <div class="agent-row columns" aria-hidden="true"><span></span><span>Task</span><span>What it says</span><span>Heartbeat</span><span class="num">Tokens</span><span class="num">Time</span></div>
    <ul class="rows agents">
      ${shown.map((id) => html`<${AgentRow} key=${id} run=${run} task=${tasks[id]} now=${isMoving(tasks[id]) ? now : 0} />`)}
    </ul>
    ${shown.length ? null : html`<${Empty} title=${order.length ? "No agent fits" : "No tasks yet"} />`}
  </section>`;
}

function isMoving(task) {
  return task.status === "running" || task.status === "waiting" || task.not_before !== null;
}

function fits(task, filter, only) {
  if (only === "active" && !["running", "waiting"].includes(task.status)) return false;
  if (only === "trouble" && !(["failed", "needs_attention"].includes(task.status) || ["stale", "dead"].includes(task.heartbeat))) return false;
  if (only === "open" && hasEnded(task.status)) return false;
  if (only === "completed" && task.status !== "completed") return false;
  if (!filter) return true;
  const text = `${task.task} ${task.title} ${task.agent} ${task.role} ${task.status} ${task.progress}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

const AgentRow = memo(({ run, task, now }) => {
  const said = saying(task, now);
  return html`<li class=${task.questions.length ? "wants" : ""}>
    <a class="row agent-row" data-row href=${`#/run/${encodeURIComponent(run)}/task/${encodeURIComponent(task.task)}`}>
      <${Sign} status=${task.status} />
      <span class="row-main"><b>${task.task}</b><span class="sub">${task.agent}${task.model ? ` · ${task.model}` : ""}${task.attempts > 1 ? ` · attempt ${task.attempts}` : ""}</span></span>
      <span class=${`says ${said.kind}`}>${said.text}</span>
      <${Beat} level=${task.status === "running" ? task.heartbeat : ""} />
      <span class="num">${tokens(task.usage) ? short(tokens(task.usage)) : ""}</span>
      <span class="num">${timeOf(task, now)}</span>
    </a>
  </li>`;
});

function saying(task, now) {
  if (task.questions.length) return { kind: "asks", text: `asks: ${headline(task.questions[0].text)}` };
  if (task.failure && task.status !== "running" && task.status !== "completed") {
    const again = task.not_before && task.not_before > now ? ` · again in ${duration(task.not_before - now)}` : "";
    return { kind: "bad", text: `${task.failure.kind.replaceAll("_", " ")}: ${headline(task.failure.message)}${again}` };
  }
  if (task.claim) return { kind: "", text: `claimed by ${task.claim.owner}` };
  if (task.status === "completed" && task.artifacts.length) return { kind: "muted", text: task.artifacts.map((one) => `${one.name} ${bytes(one.size)}`).join(", ") };
  if (task.why && task.status !== "running") return { kind: "muted", text: headline(task.why) };
  if (task.status === "queued") return { kind: "muted", text: task.depends.length ? `after ${task.depends.join(", ")}` : "" };
  return { kind: "", text: headline(task.progress) };
}

const BEATS = { healthy: "healthy", warn: "rare", stale: "stale", dead: "none" };

/** The signs of life of an agent, as a picture and a word. */
export const Beat = memo(({ level }) => html`<span class=${`beat beat-${level || "none-yet"}`}>${level ? html`<svg viewBox="0 0 24 12" width="24" height="12" aria-hidden="true"><path d=${level === "dead" ? "M1 6h22" : level === "stale" ? "M1 6h9l1.5-2 1.5 4 1-2h9" : "M1 6h6l2-4.5 3 9 2.5-6 1 1.5h7.5"} /></svg><span>${BEATS[level] ?? level}</span>` : null}</span>`);

/** How long the newest attempt has taken. */
export function timeOf(task, now) {
  if (!task.started_at) return "";
  if (task.ended_at) return duration(task.ended_at - task.started_at);
  return ["running", "waiting"].includes(task.status) ? duration(now - Math.floor(task.started_at)) : "";
}
