import assert from "node:assert/strict";
import { test } from "node:test";
import { newsOf } from "../../../../crew_actors/crew_actors/console/page/views/alerts.js";
import * as store from "../../../../crew_actors/crew_actors/console/page/store.js";

test("rows are merged, new ones come whole, null removes; what is the same stays the same object", () => {
  const before = { a: { x: 1, y: 1 }, b: { x: 2 }, c: { x: 3 } };
  const after = store.mergeRows(before, { a: { y: 5 }, c: null, d: { x: 4 } });
  assert.deepEqual(after, { a: { x: 1, y: 5 }, b: { x: 2 }, d: { x: 4 } });
  assert.equal(after.b, before.b);
  assert.deepEqual(before.a, { x: 1, y: 1 });
  assert.equal(store.mergeRows(before, undefined), before);
});

test("a key with the name of something built in is only a key", () => {
  const rows = store.mergeRows({}, JSON.parse('{"__proto__": {"x": 1}, "constructor": {"x": 2}}'));
  assert.equal({}.x, undefined);
  assert.deepEqual(rows.constructor, { x: 2 });
});

test("a run is its head, its order and its tasks", () => {
  const state = store.begin("run", { run: { status: "running", seq: 3 }, order: ["a"], tasks: { a: { status: "queued" } } });
  const next = store.change("run", state, { run: { seq: 4 }, tasks: { a: { status: "running" }, b: { status: "queued" } }, order: ["a", "b"] });
  assert.deepEqual(next.head, { status: "running", seq: 4 });
  assert.deepEqual(next.order, ["a", "b"]);
  assert.equal(next.tasks.a.status, "running");
  assert.equal(store.change("run", next, { run: { seq: 5 } }).tasks, next.tasks);
});

test("events that are told again are kept once, and a resumed subscription appends", () => {
  const event = (seq, kind = "attempt.progress") => ({ seq, kind, at: seq });
  let state = store.begin("events", { events: [event(1), event(2)] });
  state = store.change("events", state, { events: [event(2), event(3)] });
  state = store.begin("events", { events: [event(3), event(4)] }, state);
  assert.deepEqual(state.events.map((one) => one.seq), [1, 2, 3, 4]);
});

test("events are bounded, but what begins and ends attempts is kept", () => {
  let state = store.begin("events", { events: [{ seq: 1, kind: "attempt.started", task: "a", attempt: "a.1", at: 1 }] });
  const many = Array.from({ length: store.EVENTS_KEPT + 10 }, (_, n) => ({ seq: n + 2, kind: "attempt.progress", task: "a", at: n }));
  state = store.change("events", state, { events: many });
  assert.equal(state.events.length, store.EVENTS_KEPT);
  assert.equal(store.attemptsOf(state.marks).get("a").length, 1);
});

test("output goes on, begins anew with another attempt, and tells what is missing", () => {
  let state = store.begin("output", { attempt: "a.1", offset: 0, text: "one\n", errors: { offset: 0, text: "" } });
  state = store.change("output", state, { attempt: "a.1", offset: 4, text: "zwö\n" });
  assert.equal(state.said.end, 9);
  state = store.change("output", state, { attempt: "a.1", errors: { offset: 0, text: "bad" } });
  assert.equal(state.errors.buffer.end, 1);
  state = store.change("output", state, { attempt: "a.1", offset: 100, text: "x" });
  assert.match(JSON.stringify(state.said.buffer.lines), /91 bytes before this are left out/);
  state = store.change("output", state, { attempt: "a.2", offset: 0, text: "new", errors: { offset: 0, text: "" } });
  assert.equal(state.said.buffer.lines.length, 1);
});

test("letters come newest first, points are appended and bounded, a tree is replaced", () => {
  let letters = store.begin("deadletters", { total: 1, letters: [{ id: "a", at: 1 }] });
  letters = store.change("deadletters", letters, { total: 2, letters: [{ id: "b", at: 2 }] });
  assert.deepEqual(letters.letters.map((one) => one.id), ["b", "a"]);
  let metrics = store.begin("metrics", { series: { x: { unit: "s", help: "", points: [[1, 1]] } } });
  metrics = store.change("metrics", metrics, { points: { x: [[2, 5]], y: [[2, 1]] } });
  assert.deepEqual(metrics.series.x.points, [[1, 1], [2, 5]]);
  assert.equal(metrics.series.y.points.length, 1);
  assert.deepEqual(store.change("supervisors", { tree: 1 }, { tree: 2 }), { tree: 2 });
});

test("runs are in groups: those that want somebody, at work, ended", () => {
  const row = (run, status, more = {}) => ({ run, status, questions: 0, approval: "none", created_at: 1, ...more });
  const groups = store.groupRuns({
    a: row("a", "completed"), b: row("b", "running"), c: row("c", "waiting", { questions: 1 }),
    d: row("d", "waiting", { approval: "requested" }), e: row("e", "failed", { questions: 1 }),
  });
  const names = (list) => list.map((one) => one.run).sort().join("");
  assert.deepEqual([groups.wanting, groups.active, groups.ended].map(names), ["cd", "b", "ae"]);
});

test("attempts are told from what begins and ends them", () => {
  const attempts = store.attemptsOf([
    { kind: "attempt.started", task: "a", attempt: "a.1", at: 1 }, { kind: "attempt.failed", task: "a", at: 2 },
    { kind: "attempt.started", task: "a", attempt: "a.2", at: 3 }, { kind: "claim.taken", task: "b", attempt: "b.1", at: 4 },
    { kind: "task.completed", task: "a", at: 5 },
  ]);
  assert.deepEqual(attempts.get("a").map((one) => [one.start, one.end, one.outcome]), [[1, 2, "failed"], [3, 5, "completed"]]);
  assert.deepEqual(attempts.get("b").map((one) => one.end), [null]);
});

test("a person is told of questions, approvals and ends, but not of what was there at first", () => {
  const row = (more) => ({ run: "r", goal: "try it", status: "running", questions: 0, approval: "none", partial: false, ...more });
  const news = (before, after) => newsOf(before && { r: row(before) }, { r: row(after) }).map((one) => one.text);
  assert.deepEqual(news(null, { questions: 1 }), []);
  assert.deepEqual(news({}, { questions: 1 }), ["An agent asks a question: try it"]);
  assert.deepEqual(news({ questions: 1 }, { questions: 1 }), []);
  assert.deepEqual(news({}, { approval: "requested" }), ["A plan waits for approval: try it"]);
  assert.deepEqual(news({}, { status: "failed" }), ["Run failed: try it"]);
  assert.deepEqual(news({ partial: true, status: null }, { questions: 1 }), ["An agent asks a question: try it"]);
  const first = newsOf({ r: row({ partial: true }) }, { r: row({ questions: 1 }) }, new Set(["r"]));
  assert.deepEqual(first, []);
  assert.deepEqual(newsOf({}, { r: row({ questions: 1 }) }).length, 1);
  assert.deepEqual(newsOf({}, { r: row({ status: "completed" }) }).length, 0);
});
