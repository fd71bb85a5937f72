// One task and its agent: what it writes, what it asks, what it is told.

import { useKeys } from "../bindings.js";
import { duration, headline, moment, usage } from "../format.js";
import { hashOf, TASK_TABS } from "../router.js";
import { Act, Empty, html, memo, pending, Status, Tabs, useHouse, useNow, useScope, useState } from "../ui.js";
import { About } from "./about.js";
import { taskActs } from "./acts.js";
import { Beat, timeOf } from "./agents.js";
import { EventList } from "./events.js";
import { Output } from "./output.js";
import { Composer, Talk } from "./talk.js";

const TITLES = { output: "Output", messages: "Messages", events: "Events", about: "About" };

export function Task({ place }) {
  const scope = useScope({ scope: "run", run: place.run });
  const house = useHouse();
  const task = scope.state?.tasks[place.task];
  const hrefOf = (tab) => hashOf({ view: "task", run: place.run, task: place.task, tab });
  useKeys(task ? keysOf(house, place, task, scope.state.order) : []);
  const missing = pending(scope, "the task") ?? (task ? null : html`<${Empty} title="There is no such task in this run" />`);
  if (missing) return html`<section class="view"><div class="head"><h1>${place.task}</h1></div>${missing}</section>`;
  return html`<section class="view task-view">
    <${Head} run=${place.run} task=${task} />
    <${Questions} run=${place.run} task=${task} />
    <${Tabs} label="Parts of the task" tabs=${TASK_TABS.map((id) => ({ id, title: TITLES[id], count: id === "messages" ? task.mail.length : 0 }))} at=${place.tab} hrefOf=${hrefOf} />
    <${Part} place=${place} task=${task} seq=${scope.state.head.seq} />
  </section>`;
}

function Part({ place, task, seq }) {
  const { run } = place;
  if (place.tab === "messages") return html`<${Talk} run=${run} task=${task.task} seq=${`${task.mail.length} ${task.questions.length} ${task.status}`} />`;
  if (place.tab === "events") return html`<${EventList} run=${run} task=${task.task} />`;
  if (place.tab === "about") return html`<${About} run=${run} task=${task} />`;
  return html`<div class="output-and-composer"><${Output} run=${run} task=${task.task} /><${Composer} run=${run} task=${task.task} /></div>`;
}

function keysOf(house, place, task, order) {
  const at = TASK_TABS.indexOf(place.tab);
  const turn = (step) => () => house.go({ ...place, tab: TASK_TABS[(at + step + TASK_TABS.length) % TASK_TABS.length] });
  const other = (step) => () => {
    const next = order[order.indexOf(task.task) + step];
    if (next) house.go({ view: "task", run: place.run, task: next, tab: place.tab });
  };
  return [
    { keys: ["m"], title: "Write to the agent", group: "This task", run: () => focusOn("[data-compose]") },
    { keys: ["a"], title: "Answer its question", group: "This task", run: () => focusOn("[data-answer]") },
    { keys: ["]"], title: "Next part", group: "This task", run: turn(1) },
    { keys: ["["], title: "Part before", group: "This task", run: turn(-1) },
    { keys: ["J"], title: "Next task", group: "This task", run: other(1) },
    { keys: ["K"], title: "Task before", group: "This task", run: other(-1) },
    ...taskActs(house, place.run, task).filter((act) => act.key && act.key !== "n").map((act) => ({ keys: [act.key], title: act.title, group: "This task", run: act.run })),
  ];
}

function focusOn(selector) {
  document.querySelector(selector)?.focus();
}

function Head({ run, task }) {
  const house = useHouse();
  const acts = taskActs(house, run, task);
  return html`<div class="head run-head">
    <p class="crumbs"><a href="#/runs">Runs</a><span aria-hidden="true">/</span><a class="mono" href=${hashOf({ view: "run", run })}>${run}</a><span aria-hidden="true">/</span><span>${task.task}</span></p>
    <div class="title-line">
      <h1>${task.title || task.task}</h1>
      <div class="acts">${acts.map((act) => html`<${Act} key=${act.title} action=${act.action} class=${act.class} onPress=${act.run}>${act.title}<//>`)}</div>
    </div>
    <${Facts} task=${task} />
    ${task.failure ? html`<p class="why s-failed">${task.failure.kind.replaceAll("_", " ")}: ${task.failure.message}</p>` : null}
    ${task.why ? html`<p class="why">${task.why}</p>` : null}
  </div>`;
}

const Facts = memo(({ task }) => {
  const active = ["running", "waiting"].includes(task.status);
  const now = useNow(active || task.not_before !== null);
  const due = task.not_before !== null && task.not_before > now && task.status === "queued";
  return html`<div class="facts">
    <${Status} status=${task.status} />
    <span>${task.agent}${task.role && task.role !== task.agent ? ` · ${task.role}` : ""}${task.model ? ` · ${task.model}` : ""}</span>
    ${timeOf(task, now) ? html`<span class="num" title=${`since ${moment(task.started_at, now)}`}>${timeOf(task, now)}</span>` : null}
    ${task.attempts > 1 ? html`<span class="num">attempt ${task.attempts}</span>` : null}
    ${due ? html`<span class="num">again in ${duration(task.not_before - now)}</span>` : null}
    ${usage(task.usage) ? html`<span class="num">${usage(task.usage)}</span>` : null}
    ${task.status === "running" ? html`<${Beat} level=${task.heartbeat} />` : null}
    ${task.pid ? html`<span class="muted num">process ${task.pid}</span>` : null}
    ${task.progress && active ? html`<span class="says">${headline(task.progress)}</span>` : null}
  </div>`;
});

function Questions({ run, task }) {
  return html`<div class="asked" role="region" aria-label="Questions">${task.questions.map((question) => html`<${Question} key=${question.id} run=${run} task=${task.task} question=${question} />`)}</div>`;
}

function Question({ run, task, question }) {
  const house = useHouse();
  const now = useNow(true);
  const [text, setText] = useState("");
  const why = house.whyNot("respond");
  const respond = (answer) => house.act("respond", { run, task, question: question.id, answer }, "The answer is given.");
  const send = (event) => {
    event.preventDefault();
    if (text.trim()) respond(text);
  };
  return html`<form class="ask question" onSubmit=${send}>
    <div class="ask-text"><p class="sub">${question.permission ? "asks for leave" : "asks"}${question.deadline > now ? ` · goes on without an answer in ${duration(question.deadline - now)}` : ""}</p>
    <p class="text">${question.text}</p></div>
    ${question.choices.length ? html`<div class="acts">${question.choices.map((choice, place) => html`<${Act} key=${choice} action="respond" data-answer onPress=${() => respond(choice)}>${choice}<//>`)}</div>`
      : html`<div class="inline-form"><textarea rows="2" data-answer aria-label=${`Answer: ${question.text}`} placeholder=${why || "Your answer"} disabled=${Boolean(why)} value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && send(event)}></textarea><${Act} action="respond" class="primary" onPress=${() => text.trim() && respond(text)}>Answer<//></div>`}
  </form>`;
}
