import assert from "node:assert/strict";
import { test } from "node:test";
import { chartOf, nearest } from "../../../../crew_actors/crew_actors/console/page/chart.js";
import { layersOf, layout, neighbour } from "../../../../crew_actors/crew_actors/console/page/graph.js";
import { isTyping, nameOf, Sequences } from "../../../../crew_actors/crew_actors/console/page/keys.js";
import { Live } from "../../../../crew_actors/crew_actors/console/page/live.js";
import { score, search } from "../../../../crew_actors/crew_actors/console/page/palette.js";
import { DEFAULTS, sound } from "../../../../crew_actors/crew_actors/console/page/prefs.js";
import { above, hashOf, placeOf, tokenOf } from "../../../../crew_actors/crew_actors/console/page/router.js";

test("a place and its address lead to each other", () => {
  for (const place of [
    { view: "runs" }, { view: "run", run: "r 1", tab: "graph" }, { view: "run", run: "r", tab: "agents" },
    { view: "task", run: "r", task: "a/b#ü", tab: "events" }, { view: "mailboxes", run: "r" }, { view: "metrics" },
  ]) assert.deepEqual(placeOf(hashOf(place)), place);
  for (const odd of ["", "#", "#/nothing", "#/run", "#/%E0%A4%A"]) assert.equal(placeOf(odd).view, "runs");
});

test("only a token is taken for a token", () => {
  assert.equal(tokenOf(`#operator.${"a".repeat(43)}`), `operator.${"a".repeat(43)}`);
  for (const other of ["#/runs", "#operator.x", `#root.${"a".repeat(43)}`]) assert.equal(tokenOf(other), null);
});

test("there is a way up from each place", () => {
  assert.deepEqual(above({ view: "task", run: "r", task: "t" }), { view: "run", run: "r" });
  assert.deepEqual(above({ view: "run", run: "r", tab: "agents" }), { view: "runs" });
});

test("each task stands behind what it waits for, and none on another", () => {
  const tasks = [{ id: "a", depends: [] }, { id: "b", depends: ["a"] }, { id: "c", depends: ["a"] }, { id: "d", depends: ["b", "c", "a"] }, { id: "e", depends: ["gone"] }];
  const { nodes, edges } = layout(tasks);
  assert.equal(nodes.size, 5);
  assert.equal(edges.length, 5);
  for (const task of tasks) for (const before of task.depends) if (nodes.has(before)) assert.ok(nodes.get(before).x < nodes.get(task.id).x);
  const spots = new Set([...nodes.values()].map((one) => `${one.x} ${one.y}`));
  assert.equal(spots.size, 5);
  assert.equal(neighbour({ nodes }, "a", "ArrowRight") !== null, true);
});

test("circles, nothing and a thousand tasks are laid out, too", () => {
  assert.equal(layout([]).nodes.size, 0);
  assert.equal(layersOf([{ id: "a", depends: ["b"] }, { id: "b", depends: ["a"] }]).size, 2);
  assert.equal(layout([{ id: "a", depends: ["b"] }, { id: "b", depends: ["a"] }]).nodes.size, 2);
  const many = Array.from({ length: 1000 }, (_, number) => ({ id: `t${number}`, depends: number > 20 ? [`t${number % 20}`] : [] }));
  const placed = layout(many);
  assert.equal(new Set([...placed.nodes.values()].map((one) => `${one.x} ${one.y}`)).size, 1000);
});

test("keys are found alone and in sequences, and letters in fields are letters", () => {
  const bindings = [{ keys: ["j"], name: "next" }, { keys: ["g r"], name: "runs" }];
  const keys = new Sequences(1000);
  assert.equal(keys.press("j", 0, bindings).name, "next");
  assert.equal(keys.press("g", 10, bindings), "pending");
  assert.equal(keys.press("r", 500, bindings).name, "runs");
  assert.equal(keys.press("g", 1000, bindings), "pending");
  assert.equal(keys.press("r", 3000, bindings), null);
  assert.equal(keys.press("g", 4000, bindings), "pending");
  assert.equal(keys.press("j", 4100, bindings).name, "next");
  assert.equal(nameOf({ key: "K", ctrlKey: true }), "Mod+k");
  assert.equal(isTyping({ tagName: "TEXTAREA" }, "j"), true);
  assert.equal(isTyping({ tagName: "INPUT", type: "checkbox" }, "j"), false);
  assert.equal(isTyping({ tagName: "TEXTAREA" }, "Mod+k"), false);
});

test("the palette puts beginnings before middles before scattered letters", () => {
  const entries = ["cancel run", "run", "rerun", "remove unused names"].map((title) => ({ title }));
  assert.deepEqual(search(entries, "run").map((one) => one.title), ["run", "cancel run", "rerun", "remove unused names"]);
  assert.equal(score("xyz", "run"), null);
});

test("curves hold until the next point, break at gaps and know their bounds", () => {
  const chart = chartOf([[0, 1], [10, 3], [20, null], [30, 2]], 0, 40);
  assert.deepEqual([chart.least, chart.most], [1, 3]);
  assert.equal(chart.line.match(/M/g).length, 2);
  assert.equal(chartOf([], 0, 1).line, "");
  assert.deepEqual(nearest([[1, 5], [9, 6]], 8), [9, 6]);
});

test("what is kept of choices is believed only if it is one", () => {
  assert.deepEqual(sound({ theme: "dark", density: "<b>", other: 1 }), { ...DEFAULTS, theme: "dark" });
  assert.deepEqual(sound(null), DEFAULTS);
});

test("one subscription serves all who look, and they are told once a frame", () => {
  const opened = [], frames = [], timers = new Map();
  let ended = 0;
  const connection = { subscribe: (params, listener) => (opened.push({ params, listener }), () => (ended += 1)) };
  const clock = { setTimeout: (run) => (timers.set(run, run), run), clearTimeout: (run) => timers.delete(run) };
  const live = new Live(connection, { frame: (run) => frames.push(run), timers: clock });
  let told = 0, eager = 0;
  const first = live.watch({ scope: "supervisors" }, () => (told += 1));
  const second = live.watch({ scope: "supervisors" }, () => (eager += 1), { atOnce: true });
  assert.equal(opened.length, 1);
  opened[0].listener.snapshot({ tree: 1 });
  opened[0].listener.changes({ tree: 2 });
  assert.deepEqual([told, eager, frames.length], [0, 2, 1]);
  frames.pop()();
  assert.equal(told, 1);
  assert.equal(live.peek({ scope: "supervisors" }).state.tree, 2);
  first();
  assert.equal(timers.size, 0);
  second();
  [...timers.values()][0]();
  assert.equal(ended, 1);
});
