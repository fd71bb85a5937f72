// What the page knows of a scope, made of a snapshot and changes. Pure.
//
// 1. A state is never changed: what is different is a new object, what is not stays the
//    same one. So a view finds what to draw again by comparing.
// 2. What is appended without end is bounded here.

import { OutputBuffer } from "./output.js";

export const EVENTS_KEPT = 5000;
export const POINTS_KEPT = 600;
export const LETTERS_KEPT = 200;

const SCOPES = {
  runs: {
    begin: (snapshot) => ({ rows: byKey(snapshot.runs, "run") }),
    change: (state, changes) => ({ rows: mergeRows(state.rows, changes.runs) }),
  },
  run: {
    begin: (snapshot) => ({ head: snapshot.run, order: snapshot.order, tasks: snapshot.tasks }),
    change: (state, changes) => ({
      head: changes.run ? { ...state.head, ...changes.run } : state.head,
      order: changes.order ?? state.order,
      tasks: mergeRows(state.tasks, changes.tasks),
    }),
  },
  events: {
    // What is known already comes first: a subscription that is resumed begins after it.
    begin: (snapshot, state) => appendEvents(state ?? { events: [], marks: [] }, snapshot.events),
    change: (state, changes) => appendEvents(state, changes.events),
  },
  output: {
    begin: (snapshot) => outputOf(snapshot.attempt, null, snapshot),
    change: (state, changes) => outputOf(changes.attempt, changes.attempt === state.attempt ? state : null, changes),
  },
  supervisors: {
    begin: (snapshot) => ({ tree: snapshot.tree }),
    change: (state, changes) => ({ tree: changes.tree ?? state.tree }),
  },
  mailboxes: {
    begin: (snapshot) => ({ rows: byKey(snapshot.mailboxes, "name") }),
    change: (state, changes) => ({ rows: mergeRows(state.rows, changes.mailboxes) }),
  },
  deadletters: {
    begin: (snapshot) => ({ total: snapshot.total, letters: newestLetters([], snapshot.letters) }),
    change: (state, changes) => ({
      total: changes.total ?? state.total,
      letters: newestLetters(state.letters, changes.letters ?? []),
    }),
  },
  metrics: {
    begin: (snapshot) => ({ series: snapshot.series }),
    change: (state, changes) => ({ series: mergePoints(state.series, changes.points ?? {}) }),
  },
};

/** Return what is known once the snapshot of a scope has come. */
export function begin(kind, snapshot, state) {
  return SCOPES[kind].begin(snapshot, state);
}

/** Return what is known once changes have come. */
export function change(kind, state, changes) {
  return SCOPES[kind].change(state, changes);
}

/** Merge rows by their keys: fields that are told replace those known; null removes. */
export function mergeRows(rows, changes) {
  if (!changes) return rows;
  const merged = { ...rows };
  for (const [key, fields] of Object.entries(changes)) {
    if (fields === null) delete merged[key];
    else merged[key] = Object.hasOwn(merged, key) ? { ...merged[key], ...fields } : fields;
  }
  return merged;
}

function byKey(rows, key) {
  return Object.fromEntries(rows.map((row) => [row[key], row]));
}

/** The newest events, and apart from them all that begin or end an attempt: those are few. */
function appendEvents({ events, marks }, more) {
  const last = events.length ? events[events.length - 1].seq : 0;
  const fresh = more.filter((event) => event.seq > last);
  if (!fresh.length) return { events, marks };
  const all = events.concat(fresh);
  const notable = fresh.filter((event) => BEGINS.includes(event.kind) || OUTCOMES[event.kind]);
  return {
    events: all.length > EVENTS_KEPT ? all.slice(all.length - EVENTS_KEPT) : all,
    marks: notable.length ? marks.concat(notable) : marks,
  };
}

/** The two streams of an agent; what it has written to its errors is apart. */
function outputOf(attempt, known, told) {
  const said = told.text === undefined ? known.said : fed(known?.said, told);
  const errors = told.errors ? fed(known?.errors, told.errors) : known?.errors ?? fed(null, { offset: 0, text: "" });
  return { attempt, said, errors };
}

/** A stream with more text: `{buffer, end, version}`; the end in bytes, as far as can be told. */
function fed(stream, { offset, text }) {
  const buffer = stream?.buffer ?? new OutputBuffer();
  const missing = offset - (stream?.end ?? 0);
  if (missing > 0) buffer.note(missing);
  buffer.feed(text);
  return { buffer, end: offset + bytesOf(text), version: buffer.version };
}

function bytesOf(text) {
  return new TextEncoder().encode(text).length;
}

function newestLetters(known, more) {
  const all = new Map(known.map((letter) => [letter.id, letter]));
  for (const letter of more) all.set(letter.id, letter);
  return [...all.values()].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1)).slice(0, LETTERS_KEPT);
}

function mergePoints(series, points) {
  const merged = { ...series };
  for (const [name, more] of Object.entries(points)) {
    const known = merged[name] ?? { unit: "", help: "", points: [] };
    const all = known.points.concat(more);
    merged[name] = { ...known, points: all.slice(-POINTS_KEPT) };
  }
  return merged;
}

const URGENCY = ["waiting", "running", "planning", "blocked", "interrupted", "queued"];

/** Whether a run wants a person: a question is open, or its plan waits for approval. */
export function wantsPerson(row) {
  return row.questions > 0 || row.approval === "requested";
}

/** Whether nothing more happens to a run or a task unless somebody acts. */
export function hasEnded(status) {
  return ["completed", "failed", "cancelled", "needs_attention", "skipped"].includes(status);
}

/** Put runs into groups for the overview: those that want somebody, at work, ended. */
export function groupRuns(rows) {
  const wanting = [], active = [], ended = [];
  for (const row of Object.values(rows)) {
    if (hasEnded(row.status) || row.status === null) ended.push(row);
    else if (wantsPerson(row)) wanting.push(row);
    else active.push(row);
  }
  const newest = (a, b) => (b.created_at ?? 0) - (a.created_at ?? 0) || (a.run < b.run ? 1 : -1);
  const urgent = (a, b) => URGENCY.indexOf(a.status) - URGENCY.indexOf(b.status) || newest(a, b);
  return { wanting: wanting.sort(newest), active: active.sort(urgent), ended: ended.sort(newest) };
}

/** Attempts of each task, as the events tell them. */
export function attemptsOf(events) {
  const tasks = new Map();
  const at = new Map();
  for (const event of events) {
    const outcome = OUTCOMES[event.kind];
    if (BEGINS.includes(event.kind)) {
      const attempt = { task: event.task, attempt: event.attempt, start: event.at, end: null, outcome: "running" };
      if (!tasks.has(event.task)) tasks.set(event.task, []);
      tasks.get(event.task).push(attempt);
      at.set(event.task, attempt);
    } else if (outcome && at.has(event.task)) {
      Object.assign(at.get(event.task), { end: event.at, outcome });
      at.delete(event.task);
    }
  }
  return tasks;
}

const BEGINS = ["attempt.started", "claim.taken"];
const OUTCOMES = {
  "attempt.failed": "failed",
  "task.completed": "completed",
  "task.failed": "failed",
  "task.cancelled": "cancelled",
  "task.needs_attention": "needs_attention",
  "task.requeued": "queued",
  "claim.released": "queued",
};
