// Start a team.

import { counted } from "../format.js";
import { Act, Empty, html, useAnswer, useEffect, useHouse, useState } from "../ui.js";

const PAUSE = 500;
const EMPTY = { goal: "", team: "", workflow: "", workspace: "shared", on_failure: "", limit: "", attempts: "", time_limit: "", token_limit: "", cost_limit: "", approve: false };
const NUMBERS = [
  ["limit", "Tasks at the same time", "1"], ["attempts", "Attempts at one task", "1"], ["time_limit", "Seconds at most", "any"],
  ["token_limit", "Tokens at most", "1"], ["cost_limit", "Cost at most", "any"],
];

export function Start() {
  const house = useHouse();
  const [values, setValues] = useState(EMPTY);
  const [busy, setBusy] = useState(false);
  const listed = useAnswer("list", {});
  const goal = useLate(values.goal.trim());
  const advice = useAnswer("recommend", goal ? { goal } : null);
  const set = (name) => (event) => setValues({ ...values, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const send = async (event) => {
    event?.preventDefault();
    if (!values.goal.trim() || busy) return;
    setBusy(true);
    const told = await house.act("run", { ...values, goal: values.goal.trim() }, "The team is at work.");
    setBusy(false);
    if (told?.run) house.go({ view: "run", run: told.run });
  };
  const { teams = [], workflows = [] } = listed.result ?? {};
  return html`<section class="view start-view"><div class="head"><h1>Start a team</h1></div>
    <div class="start-columns">
    <form onSubmit=${send} class="form" aria-label="Start a team">
      <label class="field"><span>Goal</span><textarea rows="4" data-filter required value=${values.goal} onInput=${set("goal")} placeholder="What is the team to do?" onKeyDown=${(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && send(event)}></textarea></label>
      <${Advice} advice=${goal ? advice : null} team=${values.team} take=${(found) => setValues({ ...values, team: found.team, workflow: "", workspace: found.workspace })} />
      <div class="pair-of-fields">
        <label class="field"><span>Team</span><select value=${values.team} onChange=${set("team")}><option value="">the usual one</option>${teams.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}</select></label>
        <label class="field"><span>Workflow</span><select value=${values.workflow} onChange=${set("workflow")}><option value="">the team's own</option>${workflows.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}</select></label>
      </div>
      <p class="sub about-team">${teams.find((one) => one.name === values.team)?.description}</p>
      <label class="check"><input type="checkbox" checked=${values.workspace === "worktree"} onChange=${(event) => setValues({ ...values, workspace: event.target.checked ? "worktree" : "shared" })} /> Each task in a git worktree of its own</label>
      <label class="check"><input type="checkbox" checked=${values.approve} onChange=${set("approve")} /> I approve the plan before a task writes</label>
      <details class="limits"><summary>Limits</summary><div class="pair-of-fields">
        ${NUMBERS.map(([name, title, step]) => html`<label key=${name} class="field"><span>${title}</span><input type="number" min=${step === "1" ? 1 : 0} step=${step} value=${values[name]} onInput=${set(name)} placeholder="as configured" /></label>`)}
        <label class="field"><span>After a failure</span><select value=${values.on_failure} onChange=${set("on_failure")}><option value="">as configured</option><option value="drain">go on with the rest</option><option value="fail-fast">stop all</option></select></label>
      </div></details>
      <div class="form-foot"><${Act} action="run" class="primary" disabled=${values.goal.trim() ? "" : "Say first what the team is to do."} onPress=${() => send()}>${busy ? "Starting" : "Start"}<//></div>
    </form>
    <${Plan} goal=${goal} team=${values.team} workflow=${values.workflow} />
    </div></section>`;
}

/** The value as it was half a second ago, so that nobody is asked at each letter. */
function useLate(value) {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), PAUSE);
    return () => clearTimeout(timer);
  }, [value]);
  return late;
}

function Advice({ advice, team, take }) {
  const found = advice?.result?.recommendation;
  return html`<div class="advice" role="status">${found ? html`<p>Recommended: <b>${found.team}</b>${found.workspace === "worktree" ? ", in worktrees" : ""}. <span class="muted">${found.reasons.join("; ")}</span></p>
    ${found.team === team ? null : html`<button type="button" class="button" onClick=${() => take(found)}>Take it</button>`}` : null}</div>`;
}

function Plan({ goal, team, workflow }) {
  const answer = useAnswer("plan", goal ? { goal, team, workflow } : null);
  if (!goal) return html`<aside class="plan" aria-label="Plan"><${Empty} title="The plan is shown here" /></aside>`;
  if (answer.error) return html`<aside class="plan" aria-label="Plan"><${Empty} title="No plan can be made">${answer.error.message}<//></aside>`;
  const steps = answer.result ? stepsOf(answer.result) : null;
  return html`<aside class="plan" aria-label="Plan"><h2>Plan</h2>
    ${steps ? html`<ol class="steps">${steps.map((layer, place) => html`<li key=${place}>${layer.map((one) => html`<span key=${one.id} class="step"><b>${one.id}</b> <span class="muted">${one.agent}</span></span>`)}</li>`)}</ol><p class="muted">${counted(steps.flat().length, "task")}; those on one line run side by side.</p>` : html`<div class="loading" aria-busy="true"></div>`}
  </aside>`;
}

/** The steps of a plan, those that can be taken side by side together. Pure. */
export function stepsOf(plan) {
  const waves = new Map();
  for (const step of plan.steps) {
    if (!waves.has(step.wave)) waves.set(step.wave, []);
    waves.get(step.wave).push({ id: step.task, agent: step.agent });
  }
  return [...waves].sort((a, b) => a[0] - b[0]).map(([, steps]) => steps);
}
