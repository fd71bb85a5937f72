// What is said between people and agents, and where to say something.

import { moment } from "../format.js";
import { Act, Empty, html, useAnswer, useHouse, useRef, useSlow, useState } from "../ui.js";

const KINDS = [
  { kind: "send", title: "Message", help: "to be known, whatever the agent is at" },
  { kind: "steer", title: "Steer", help: "changes what goes on now" },
  { kind: "interrupt", title: "Interrupt", help: "breaks off what goes on now; the agent goes on with this" },
  { kind: "follow-up", title: "Follow-up", help: "for when the agent is done with what it does now" },
];
const PAUSE = 1500;
const OUTCOMES = { delivered: "delivered", queued: "waits for the agent", rejected: "rejected", sent: "sent" };

/** All that was said in a run, or to one task, and a field to say more. */
export function Talk({ run, task = null, seq, tasks = [] }) {
  const house = useHouse();
  const [said, setSaid] = useState(0);
  // The server reads a whole journal to answer this.
  const slow = useSlow({ state: seq }, PAUSE).state;
  const answer = useAnswer("messages", task === null ? { run } : { run, task }, [slow, said]);
  const [to, setTo] = useState(task ?? "");
  const lines = answer.result ? linesOf(answer.result) : [];
  const name = task ?? to;
  return html`<section class="talk" aria-label="Messages">
    ${answer.error ? html`<${Empty} title="Messages cannot be shown">${answer.error.message}<//>` : null}
    ${lines.length ? html`<ol class="lines">${lines.map((line) => html`<li key=${line.id} class=${`line ${line.mine ? "mine" : ""}`}>
      <p class="sub"><b>${line.by}</b> ${line.what}${task === null ? ` · ${line.task}` : ""} <time class="num">${moment(line.at, house.now())}</time></p>
      <p class="text">${line.text}</p>
      <p class=${`sub outcome o-${line.outcome}`}>${OUTCOMES[line.outcome] ?? line.outcome}${line.why ? ` · ${line.why}` : ""}</p>
    </li>`)}</ol>` : answer.loading || answer.error ? null : html`<${Empty} title="Nothing was said yet" />`}
    ${task === null ? html`<label class="field to"><span>To</span><select value=${to} onChange=${(event) => setTo(event.target.value)}><option value="">Choose a task</option>${tasks.map((id) => html`<option key=${id} value=${id}>${id}</option>`)}</select></label>` : null}
    <${Composer} run=${run} task=${name} onSaid=${() => setSaid(said + 1)} />
  </section>`;
}

function linesOf({ messages, questions }) {
  const lines = messages.map((one) => ({ id: one.message.id, at: one.at, by: one.message.by, what: one.message.kind.replaceAll("_", "-"), task: one.task, text: one.message.text, outcome: one.outcome, why: one.why, mine: true }));
  for (const one of questions) {
    lines.push({ id: `${one.question.id} asked`, at: one.question.asked_at, by: one.task, what: "asks", task: one.task, text: one.question.text, outcome: one.outcome, why: "" });
    if (one.answer !== null) lines.push({ id: `${one.question.id} answered`, at: one.question.asked_at + 0.001, by: one.by || "somebody", what: "answers", task: one.task, text: one.answer, outcome: "delivered", why: "", mine: true });
  }
  return lines.sort((a, b) => a.at - b.at);
}

/** Where to write to the agent of a task. Says what became of it. */
export function Composer({ run, task, onSaid = () => {} }) {
  const house = useHouse();
  const [kind, setKind] = useState("send");
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState(null);
  const [busy, setBusy] = useState(false);
  const field = useRef(null);
  const chosen = KINDS.find((one) => one.kind === kind);
  const why = house.whyNot(kind);
  const send = async (event) => {
    event?.preventDefault();
    if (!text.trim() || busy || why || !task) return;
    setBusy(true);
    const told = await house.act(kind, { run, task, text });
    setBusy(false);
    if (!told) return;
    setOutcome(told);
    if (told.outcome !== "rejected") setText("");
    onSaid();
    field.current?.focus();
  };
  const heed = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
    if (event.key === "Escape") field.current.blur();
  };
  return html`<form class="composer" onSubmit=${send} aria-label="Write to the agent">
    <div class="choice" role="group" aria-label="Kind of message">
      ${KINDS.map((one) => html`<button key=${one.kind} type="button" aria-pressed=${String(one.kind === kind)} title=${one.help} onClick=${() => setKind(one.kind)}>${one.title}</button>`)}
    </div>
    <textarea ref=${field} data-compose rows="2" aria-label=${`${chosen.title}: ${chosen.help}`} placeholder=${why || (task ? `${chosen.title} to ${task}: ${chosen.help}` : "Choose a task first")} disabled=${Boolean(why)} value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${heed}></textarea>
    <div class="composer-foot">
      <p class="sub" role="status">${outcome ? html`<span class=${`outcome o-${outcome.outcome}`}>${OUTCOMES[outcome.outcome] ?? outcome.outcome}${outcome.why ? `: ${outcome.why}` : ""}</span>` : null}</p>
      <span class="sub hint"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
      <${Act} action=${kind} class="primary" disabled=${task ? "" : "Choose a task first."} onPress=${() => send()}>${busy ? "Sending" : "Send"}<//>
    </div>
  </form>`;
}
