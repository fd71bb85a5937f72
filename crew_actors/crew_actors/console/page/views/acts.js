// What can be done to a run and to a task, as buttons, keys and the palette have it.

import { counted } from "../format.js";
import { hasEnded } from "../store.js";

/** The actions that fit where a run stands: `{action, title, class, key, first, run}`. */
export function runActs(house, head) {
  const ended = hasEnded(head.status);
  const resting = ended || head.status === "interrupted" || head.status === "blocked";
  const acts = [];
  if (head.approval === "requested" && !ended) {
    acts.push({ action: "approve", title: "Approve", class: "primary", key: "a", run: () => approve(house, head.run) });
    acts.push({ action: "reject", title: "Reject", class: "danger", run: () => reject(house, head.run) });
  }
  if (!ended && head.status !== "interrupted") acts.push({ action: "cancel", title: "Cancel run", class: "danger", key: "x", first: true, run: () => cancelRun(house, head) });
  if (resting && head.status !== "completed") {
    acts.push({ action: "retry", title: "Retry what failed", class: "primary", key: "r", first: true, run: () => retry(house, head) });
    acts.push({ action: "resume", title: "Resume", first: true, run: () => house.act("resume", { run: head.run }, "The run goes on.") });
  }
  acts.push({ action: "diagnose", title: "Write a report", run: () => house.act("diagnose", { run: head.run }, (told) => `Written: ${told.path ?? "a report"}`) });
  acts.push({ action: "export", title: "Export", run: () => house.act("export", { run: head.run }, (told) => `Written: ${told.path ?? "an export"}`) });
  if (resting) acts.push({ action: "cleanup", title: "Remove worktrees", run: () => cleanup(house, head.run) });
  if (resting) acts.push({ action: "forget", title: "Forget run", class: "danger", run: () => forget(house, head) });
  return acts;
}

/** The actions that fit where a task stands. */
export function taskActs(house, run, task) {
  const acts = [];
  if (!hasEnded(task.status)) acts.push({ action: "cancel", title: "Cancel task", class: "danger", key: "x", first: true, run: () => cancelTask(house, run, task) });
  if (["running", "waiting"].includes(task.status) && !task.claim) acts.push({ action: "restart", title: "Restart", key: "R", first: true, run: () => restartTask(house, run, task) });
  if (hasEnded(task.status)) acts.push({ action: "retry", title: "Retry task", class: "primary", key: "r", first: true, run: () => retryTask(house, run, task) });
  if (task.status === "running") acts.push({ action: "nudge", title: "Nudge", key: "n", run: () => house.act("nudge", { run, task: task.task }, (told) => `Nudge: ${told.outcome}${told.why && `, ${told.why}`}`) });
  return acts;
}

function approve(house, run) {
  house.ask({
    kind: "confirm", title: "Approve the plan?", yes: "Approve", text: "Tasks that write may begin then.",
    onYes: () => house.act("approve", { run }, "The plan is approved."),
  });
}

function reject(house, run) {
  house.ask({
    kind: "confirm", title: "Reject the plan?", yes: "Reject", danger: true, field: "Why (it is written into the journal)",
    text: "The run is cancelled.",
    onYes: (reason) => house.act("reject", { run, reason }, "The plan is rejected."),
  });
}

function cancelRun(house, head) {
  const busy = (head.counts.running ?? 0) + (head.counts.waiting ?? 0);
  house.ask({
    kind: "confirm", title: "Cancel this run?", yes: "Cancel run", no: "Let it go on", danger: true, field: "Why (it is written into the journal)",
    text: `${busy ? `${counted(busy, "agent")} at work will be stopped. ` : ""}What has completed stays, and the run can be resumed.`,
    onYes: (reason) => house.act("cancel", { run: head.run, reason }, (told) => `The run is ${told.status}.`),
  });
}

function cancelTask(house, run, task) {
  house.ask({
    kind: "confirm", title: `Cancel task ${task.task}?`, yes: "Cancel task", no: "Let it go on", danger: true, field: "Why (it is written into the journal)",
    text: "The run goes on without it. What depends on it is skipped.",
    onYes: (reason) => house.act("cancel", { run, task: task.task, reason }, `Task ${task.task} is stopped.`),
  });
}

function restartTask(house, run, task) {
  house.ask({
    kind: "confirm", title: `Restart task ${task.task}?`, yes: "Restart", no: "Let it go on", field: "Why (it is written into the journal)",
    text: "Its agent is stopped, and another attempt begins at once. What depends on it waits.",
    onYes: (reason) => house.act("restart", { run, task: task.task, reason }, `Task ${task.task} begins anew.`),
  });
}

function retry(house, head) {
  const failed = ["failed", "cancelled", "skipped", "needs_attention"].reduce((sum, status) => sum + (head.counts[status] ?? 0), 0);
  house.ask({
    kind: "confirm", title: "Retry what failed?", yes: "Retry", text: `${counted(failed, "task")} will be done again, in this server.`,
    onYes: () => house.act("retry", { run: head.run }, "The tasks are queued again."),
  });
}

function retryTask(house, run, task) {
  house.ask({
    kind: "confirm", title: `Retry task ${task.task}?`, yes: "Retry", text: "It is done again, and so is what depends on it.",
    onYes: () => house.act("retry", { run, task: task.task }, `Task ${task.task} is queued again.`),
  });
}

function cleanup(house, run) {
  house.ask({
    kind: "confirm", title: "Remove the worktrees?", yes: "Remove", danger: true, text: "The branches stay. Worktrees with changes that are in no commit stay, too.",
    onYes: () => house.act("cleanup", { run }, "The worktrees are removed."),
  });
}

function forget(house, head) {
  house.ask({
    kind: "confirm", title: "Forget this run?", yes: "Forget", danger: true,
    text: `Its journal, artifacts and worktrees are removed: ${head.run}. That cannot be undone.`,
    onYes: async () => {
      const told = await house.act("forget", { run: head.run, confirm: true });
      if (told?.done) {
        house.tell("The run is forgotten.", "good");
        house.go({ view: "runs" });
      } else if (told) {
        house.tell(`It stays: ${[...told.dirty, ...told.kept].join(", ") || "something holds it"}`, "bad");
      }
    },
  });
}
