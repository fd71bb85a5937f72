// One run: where it stands, its agents, and what can be done about it.

import { useKeys } from "../bindings.js";
import { counted, duration, headline, moment, short, usage } from "../format.js";
import { hashOf, RUN_TABS } from "../router.js";
import { hasEnded } from "../store.js";
import { Act, Bar, html, memo, pending, Status, Tabs, useHouse, useNow, useScope } from "../ui.js";
import { runActs } from "./acts.js";
import { Agents } from "./agents.js";
import { EventList } from "./events.js";
import { Files } from "./files.js";
import { Graph } from "./graph.js";
import { Talk } from "./talk.js";
import { Summary } from "./summary.js";
import { Timeline } from "./timeline.js";

const TITLES = { agents: "Agents", graph: "Graph", timeline: "Timeline", events: "Events", messages: "Messages", files: "Files", summary: "Summary" };

export function Run({ place }) {
  const scope = useScope({ scope: "run", run: place.run });
  const house = useHouse();
  const { state } = scope;
  const hrefOf = (tab) => hashOf({ view: "run", run: place.run, tab });
  useKeys(state ? keysOf(house, state.head, place) : []);
  const missing = pending(scope, "the run");
  if (missing) return html`<section class="view"><div class="head"><h1>Run</h1></div>${missing}</section>`;
  const tabs = RUN_TABS.map((id) => ({ id, title: TITLES[id] }));
  return html`<section class="view">
    <${Head} head=${state.head} ended=${scope.ended} />
    <${Asked} state=${state} />
    <${Tabs} label="Parts of the run" tabs=${tabs} at=${place.tab} hrefOf=${hrefOf} />
    <${Part} tab=${place.tab} state=${state} run=${place.run} />
  </section>`;
}

function Part({ tab, state, run }) {
  if (tab === "graph") return html`<${Graph} run=${run} order=${state.order} tasks=${state.tasks} />`;
  if (tab === "timeline") return html`<${Timeline} run=${run} head=${state.head} order=${state.order} tasks=${state.tasks} />`;
  if (tab === "events") return html`<${EventList} run=${run} />`;
  if (tab === "messages") return html`<${Talk} run=${run} seq=${state.head.seq} tasks=${state.order} />`;
  if (tab === "files") return html`<${Files} run=${run} seq=${endsOf(state)} />`;
  if (tab === "summary") return html`<${Summary} run=${run} seq=${endsOf(state)} />`;
  return html`<${Agents} run=${run} order=${state.order} tasks=${state.tasks} />`;
}

/** Grows when a task or the run has ended: then there are new files. */
function endsOf({ head, tasks }) {
  return Object.values(tasks).filter((task) => hasEnded(task.status)).length + (hasEnded(head.status) ? 1000 : 0);
}

function keysOf(house, head, place) {
  const at = RUN_TABS.indexOf(place.tab);
  const turn = (step) => () => house.go({ view: "run", run: place.run, tab: RUN_TABS[(at + step + RUN_TABS.length) % RUN_TABS.length] });
  return [
    { keys: ["]"], title: "Next part", group: "This run", run: turn(1) },
    { keys: ["["], title: "Part before", group: "This run", run: turn(-1) },
    ...runActs(house, head).filter((act) => act.key).map((act) => ({ keys: [act.key], title: act.title, group: "This run", run: act.run })),
  ];
}

function Head({ head, ended }) {
  const house = useHouse();
  const acts = runActs(house, head);
  const first = acts.filter((act) => act.first);
  const rest = acts.filter((act) => !act.first);
  return html`<div class="head run-head">
    <p class="crumbs"><a href="#/runs">Runs</a><span aria-hidden="true">/</span><span class="mono">${head.run}</span></p>
    <div class="title-line">
      <h1 title=${head.goal}>${headline(head.goal, 180)}</h1>
      <div class="acts">
        ${first.map((act) => html`<${Act} key=${act.title} action=${act.action} class=${act.class} onPress=${act.run}>${act.title}<//>`)}
        ${rest.length ? html`<details class="menu"><summary class="button quiet" aria-label="More actions">More</summary><div class="menu-list" onClick=${(event) => event.currentTarget.parentNode.removeAttribute("open")}>
          ${rest.map((act) => html`<${Act} key=${act.title} action=${act.action} class=${`menu-item ${act.class ?? ""}`} onPress=${act.run}>${act.title}<//>`)}
          <a class="button menu-item" href=${hashOf({ view: "supervisors", run: head.run })}>Supervisors</a>
          <a class="button menu-item" href=${hashOf({ view: "mailboxes", run: head.run })}>Mailboxes</a>
          <a class="button menu-item" href=${hashOf({ view: "letters", run: head.run })}>Dead letters</a>
        </div></details>` : null}
      </div>
    </div>
    <${Facts} head=${head} />
    ${head.why && hasEnded(head.status) ? html`<p class=${`why s-${head.status}`}>${head.why}</p>` : null}
    ${head.cancelling && !hasEnded(head.status) ? html`<p class="why">It is being stopped${head.why ? `: ${head.why}` : ""}.</p>` : null}
    ${ended ? html`<p class="why">Nothing more is told of it: ${ended}.</p>` : null}
  </div>`;
}

const Facts = memo(({ head }) => {
  const runs = !hasEnded(head.status) && head.status !== "interrupted" && head.started_at !== null;
  const now = useNow(runs);
  const took = head.started_at ? duration((head.ended_at ?? (runs ? now : null)) - head.started_at) : "";
  const limits = limitsOf(head.limits);
  return html`<div class="facts">
    <${Status} status=${head.status} />
    <span class="wide-bar"><${Bar} counts=${head.counts} total=${head.tasks} /></span>
    <span class="num">${counted(head.tasks, "task")}</span>
    ${(head.ended_at || runs) && took ? html`<span class="num" title=${`since ${moment(head.started_at, now)}`}>${took}</span>` : null}
    <span>${head.team}${head.workflow && head.workflow !== head.team ? ` · ${head.workflow}` : ""}</span>
    ${usage(head.usage) ? html`<span class="num">${usage(head.usage)}</span>` : null}
    ${limits ? html`<span class="muted">${limits}</span>` : null}
    ${head.owner ? html`<span class="muted num">${head.owner.here ? "in this server" : `in process ${head.owner.pid}`}</span>` : null}
    ${head.parent ? html`<a href=${hashOf({ view: "run", run: head.parent.run })}>nested in ${head.parent.task}</a>` : null}
  </div>`;
});

function limitsOf(limits) {
  const parts = [];
  if (limits?.run_seconds) parts.push(duration(limits.run_seconds));
  if (limits?.tokens) parts.push(`${short(limits.tokens)} tokens`);
  if (limits?.cost) parts.push(`$${limits.cost}`);
  return parts.length ? `at most ${parts.join(", ")}` : "";
}

/** What the run waits for a person to do. */
function Asked({ state }) {
  const house = useHouse();
  const { head } = state;
  const waiting = state.order.filter((id) => state.tasks[id]?.questions.length);
  if (hasEnded(head.status)) return null;
  const acts = runActs(house, head);
  const judge = acts.filter((act) => ["approve", "reject"].includes(act.action));
  return html`<div class="asked">
    ${head.approval === "requested" ? html`<div class="ask" role="group" aria-label="Approval">
      <p><b>The plan waits for approval.</b> No task that writes begins before. <a href=${hashOf({ view: "run", run: head.run, tab: "graph" })}>Look at it</a></p>
      <div class="acts">${judge.map((act) => html`<${Act} key=${act.action} action=${act.action} class=${act.class} onPress=${act.run}>${act.title}<//>`)}</div>
    </div>` : null}
    ${waiting.map((id) => html`<a key=${id} class="ask" data-row href=${hashOf({ view: "task", run: head.run, task: id })}>
      <p><b>${id}</b> asks: ${headline(state.tasks[id].questions[0].text, 160)}</p><span class="button primary">Answer</span>
    </a>`)}
  </div>`;
}
