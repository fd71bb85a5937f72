import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection, delayOf } from "../../../../crew_actors/crew_actors/console/page/connection.js";

/** A server and a clock that do what a test says. */
function scene() {
  const sockets = [], states = [], timers = new Map();
  let last = 0;
  const clock = {
    setTimeout: (run, delay) => (timers.set((last += 1), { run, delay }), last),
    clearTimeout: (id) => timers.delete(id),
  };
  const make = () => {
    const socket = { sent: [], closed: false, send: (text) => socket.sent.push(JSON.parse(text)), close: () => (socket.closed = true) };
    sockets.push(socket);
    return socket;
  };
  const connection = new Connection({ url: "ws://x/ws", token: "operator.x", onStatus: (status) => states.push(status), make, timers: clock, random: () => 1 });
  const tell = (frame, socket = sockets.at(-1)) => socket.onmessage({ data: JSON.stringify({ jsonrpc: "2.0", ...frame }) });
  const answer = (result, socket = sockets.at(-1)) => tell({ id: socket.sent.at(-1).id, result }, socket);
  const greet = () => {
    sockets.at(-1).onopen();
    answer({ role: "operator", now: 0, actions: {} });
  };
  const lose = (code = 1006) => sockets.at(-1).onclose({ code });
  const due = () => {
    const [id, timer] = [...timers].at(-1);
    timers.delete(id);
    timer.run();
    return timer.delay;
  };
  return { connection, sockets, states, timers, tell, answer, greet, lose, due, sent: () => sockets.at(-1).sent };
}

function listener() {
  const heard = [];
  const note = (kind) => (data) => heard.push([kind, data?.message ?? data]);
  return { heard, snapshot: note("snapshot"), changes: note("changes"), ended: note("ended"), failed: note("failed") };
}

test("the first frame is hello with the token", () => {
  const { connection, greet, states, sent } = scene();
  connection.start();
  greet();
  assert.equal(sent()[0].method, "hello");
  assert.deepEqual(sent()[0].params, { token: "operator.x", versions: ["crew.v1"], client: "page" });
  assert.equal(states.at(-1).state, "open");
});

test("delays grow, have a most and a least, and differ", () => {
  assert.deepEqual([0, 1, 2, 20].map((number) => delayOf(number, () => 1)), [250, 500, 1000, 15000]);
  assert.equal(delayOf(1, () => 0), 250);
});

test("after a loss it comes back by itself, later each time, until it is let in", () => {
  const { connection, greet, lose, due, sockets } = scene();
  connection.start();
  greet();
  lose();
  assert.equal(due(), 250);
  lose();
  assert.equal(due(), 500);
  greet();
  lose();
  assert.equal(due(), 250);
  assert.equal(sockets.length, 4);
});

test("a token that is refused ends it", () => {
  const { connection, lose, states, timers } = scene();
  connection.start();
  lose(4401);
  assert.equal(states.at(-1).state, "refused");
  assert.equal(timers.size, 0);
});

test("a subscription is opened again with what it knows, and nothing is told twice", () => {
  const { connection, greet, lose, due, answer, tell, sent } = scene();
  const heard = listener();
  connection.subscribe({ scope: "runs" }, heard);
  connection.start();
  greet();
  assert.deepEqual(sent().at(-1).params, { scope: "runs" });
  answer({ subscription: "s1", rev: 5, snapshot: { runs: [] } });
  const update = { method: "update", params: { subscription: "s1", base: 5, rev: 7, changes: { runs: 1 } } };
  tell(update);
  tell(update);
  lose();
  due();
  greet();
  assert.deepEqual(sent().at(-1).params, { scope: "runs", since: 7 });
  answer({ subscription: "s1", rev: 7, unchanged: true });
  tell({ method: "update", params: { subscription: "s1", base: 7, rev: 8, changes: { runs: 2 } } });
  assert.deepEqual(heard.heard.map((one) => one[0]), ["snapshot", "changes", "changes"]);
});

test("an update that does not begin where the last one ended makes it begin anew", () => {
  const { connection, greet, answer, tell, sent } = scene();
  const heard = listener();
  connection.subscribe({ scope: "runs" }, heard);
  connection.start();
  greet();
  answer({ subscription: "s1", rev: 5, snapshot: {} });
  tell({ method: "update", params: { subscription: "s1", base: 6, rev: 7, changes: {} } });
  assert.deepEqual(sent().slice(-2).map((one) => [one.method, one.params]), [["unsubscribe", { subscription: "s1" }], ["subscribe", { scope: "runs" }]]);
  assert.equal(heard.heard.length, 1);
});

test("a request fails when the connection does, and one more than may be at work waits", async () => {
  const { connection, greet, lose, answer, sent } = scene();
  await assert.rejects(connection.call("status"), /no connection/);
  connection.start();
  greet();
  const asked = Array.from({ length: 13 }, () => connection.call("status"));
  const settled = Promise.allSettled(asked);
  assert.equal(sent().length, 13); // hello and twelve
  answer({ done: 1 });
  assert.equal(sent().length, 14);
  lose();
  const outcomes = await settled;
  assert.equal(outcomes.filter((one) => one.status === "fulfilled").length, 1);
  assert.match(outcomes[0].reason.message, /lost before an answer/);
});

test("an error tells its code; a subscription that cannot be is told, one that ends is tried again", async () => {
  const { connection, greet, tell, answer, due, sent } = scene();
  const heard = listener();
  connection.start();
  greet();
  connection.subscribe({ scope: "run", run: "x" }, heard);
  tell({ id: sent().at(-1).id, error: { code: -32000, message: "no such run" } });
  assert.deepEqual(heard.heard, [["failed", "no such run"]]);
  connection.subscribe({ scope: "run", run: "y" }, heard);
  answer({ subscription: "s2", rev: 3, snapshot: {} });
  tell({ method: "ended", params: { subscription: "s2", why: "the feeds were restarted" } });
  assert.equal(due(), 1000);
  assert.deepEqual(sent().at(-1).params, { scope: "run", run: "y", since: 3 });
  const call = connection.call("cancel", {});
  tell({ id: sent().at(-1).id, error: { code: -32003, message: "a viewer may look only" } });
  await assert.rejects(call, { code: -32003 });
});

test("who has left is told nothing more, even if the answer is still under way", () => {
  const { connection, greet, answer, sent } = scene();
  const heard = listener();
  connection.start();
  greet();
  const leave = connection.subscribe({ scope: "runs" }, heard);
  leave();
  answer({ subscription: "s1", rev: 1, snapshot: {} });
  assert.deepEqual(heard.heard, []);
  assert.deepEqual(sent().at(-1).params, { subscription: "s1" });
});

test("a connection that has died in its sleep is made anew", () => {
  const { connection, greet, due, sockets, answer } = scene();
  connection.start();
  greet();
  connection.probe();
  answer({});
  assert.equal(sockets[0].closed, false);
  connection.probe();
  due();
  assert.equal(sockets[0].closed, true);
  due();
  assert.equal(sockets.length, 2);
});
