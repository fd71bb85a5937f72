// A client of the protocol `crew.v1`. It knows no document.
//
// 1. It connects until it is told to stop: after a loss it waits, longer each time and
//    never quite as long as others do, and tries again. Only a token that is refused ends it.
// 2. A subscription outlives connections: it is opened again with the revision that is
//    known, so nothing is missed and nothing told twice. An update that does not begin
//    where the last one ended is not believed: the subscription begins anew.
// 3. A request does not outlive its connection, since nobody could tell whether it was
//    granted. Its caller is told so.

const FIRST_DELAY = 250;
const LONGEST_DELAY = 15_000;
const HELLO_PATIENCE = 10_000;
const PROBE_PATIENCE = 5_000;
const AT_WORK = 12;
const REFUSED = 4401;

/** Milliseconds to wait before attempt *number*, which counts from 0. */
export function delayOf(number, random = Math.random) {
  const most = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(number, 10));
  return most * (0.5 + random() / 2);
}

/** The server did not grant a request, or could not be asked. */
export class RequestError extends Error {
  constructor(message, code = 0, data = {}) {
    super(message);
    this.name = "RequestError";
    this.code = code;
    this.data = data ?? {};
  }
}

const LOST = "the connection was lost before an answer came; look whether it was done";

export class Connection {
  #url; #token; #make; #timers; #random; #onStatus;
  #socket = null;
  #open = false;
  #stopped = false;
  #failures = 0;
  #timer = null;
  #next = 1;
  #asked = new Map();
  #queue = [];
  #subscriptions = new Set();
  #names = new Map();

  /** *onStatus* is told `{state, …}`: connecting, open, waiting, refused or stopped. */
  constructor({ url, token, onStatus = () => {}, make = (url) => new WebSocket(url, "crew.v1"), timers = globalThis, random = Math.random }) {
    this.#url = url;
    this.#token = token;
    this.#make = make;
    this.#timers = timers;
    this.#random = random;
    this.#onStatus = onStatus;
  }

  /** Connect now, whether a try was due or not. */
  start() {
    this.#timers.clearTimeout(this.#timer);
    if (this.#socket || this.#stopped) return;
    this.#onStatus({ state: "connecting", failures: this.#failures });
    const socket = this.#make(this.#url);
    this.#socket = socket;
    const patience = this.#timers.setTimeout(() => this.#drop(socket, 0), HELLO_PATIENCE);
    socket.onopen = () => {
      const params = { token: this.#token, versions: ["crew.v1"], client: "page" };
      this.#send("hello", params, { done: (result) => this.#greeted(result, patience), failed: () => {} });
    };
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => {
      this.#timers.clearTimeout(patience);
      this.#drop(socket, event.code);
    };
  }

  /** Hang up for good. */
  stop() {
    this.#stopped = true;
    this.#timers.clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket) {
      this.#drop(socket, 0);
      socket.close();
    }
    this.#onStatus({ state: "stopped" });
  }

  /** Ask for *method*. Raises `RequestError`. */
  call(method, params = {}) {
    return new Promise((done, failed) => {
      if (!this.#open) failed(new RequestError("there is no connection at the moment"));
      else this.#ask(method, params, { done, failed });
    });
  }

  /** Be told of a scope: *listener* has snapshot(data), changes(data), ended(why), failed(error). Returns how to end it. */
  subscribe(params, listener) {
    const record = { params, listener, rev: null, name: null, over: false, tries: 0, timer: null };
    this.#subscriptions.add(record);
    if (this.#open) this.#begin(record);
    return () => this.#leave(record);
  }

  /** Look whether the connection is still alive, as after a sleep; if not, make a new one. */
  probe() {
    if (!this.#open) return this.start();
    const socket = this.#socket;
    const patience = this.#timers.setTimeout(() => {
      socket.close();
      this.#drop(socket, 0);
    }, PROBE_PATIENCE);
    const alive = () => this.#timers.clearTimeout(patience);
    // Any answer will do, so the smallest question is asked.
    return this.#ask("unsubscribe", { subscription: "" }, { done: alive, failed: alive });
  }

  #greeted(result, patience) {
    this.#timers.clearTimeout(patience);
    this.#open = true;
    this.#failures = 0;
    this.#onStatus({ state: "open", hello: result });
    for (const record of this.#subscriptions) this.#begin(record);
  }

  #drop(socket, code) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#open = false;
    socket.onopen = socket.onmessage = socket.onclose = null;
    this.#names.clear();
    for (const record of this.#subscriptions) {
      this.#timers.clearTimeout(record.timer);
      record.name = null;
    }
    const lost = [...this.#asked.values(), ...this.#queue.map((one) => one.answer)];
    this.#asked.clear();
    this.#queue = [];
    for (const answer of lost) answer.failed(new RequestError(LOST));
    if (code === REFUSED) {
      this.#stopped = true;
      this.#onStatus({ state: "refused" });
    } else if (!this.#stopped) {
      const delay = delayOf(this.#failures, this.#random);
      this.#failures += 1;
      this.#timer = this.#timers.setTimeout(() => this.start(), delay);
      this.#onStatus({ state: "waiting", delay, failures: this.#failures, code });
    }
  }

  #ask(method, params, answer) {
    if (this.#asked.size < AT_WORK) this.#send(method, params, answer);
    else this.#queue.push({ method, params, answer });
  }

  #send(method, params, answer) {
    const id = this.#next++;
    this.#asked.set(id, answer);
    this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  }

  #heard(data) {
    const frame = JSON.parse(data);
    if (frame.method === "update") this.#update(frame.params);
    else if (frame.method === "ended") this.#ended(frame.params);
    else if (this.#asked.has(frame.id)) this.#answered(frame);
  }

  #answered(frame) {
    const answer = this.#asked.get(frame.id);
    this.#asked.delete(frame.id);
    const next = this.#queue.shift();
    if (next) this.#send(next.method, next.params, next.answer);
    if (frame.error) answer.failed(new RequestError(frame.error.message, frame.error.code, frame.error.data));
    else answer.done(frame.result);
  }

  #begin(record) {
    const since = record.rev === null ? {} : { since: record.rev };
    this.#ask("subscribe", { ...record.params, ...since }, {
      done: (result) => this.#begun(record, result),
      failed: (error) => {
        if (error.code === 0 || record.over) return;
        if (error.code === -32005) this.#again(record);
        else record.listener.failed(error);
      },
    });
  }

  #begun(record, result) {
    if (record.over) return this.#forget(result.subscription);
    record.name = result.subscription;
    record.rev = result.rev;
    this.#names.set(result.subscription, record);
    if (result.snapshot) record.listener.snapshot(result.snapshot);
  }

  #update({ subscription, base, rev, changes }) {
    const record = this.#names.get(subscription);
    if (!record || rev <= record.rev) return;
    if (base !== record.rev) {
      this.#names.delete(subscription);
      this.#forget(subscription);
      record.rev = null;
      this.#begin(record);
      return;
    }
    record.rev = rev;
    record.tries = 0;
    record.listener.changes(changes);
  }

  #ended({ subscription, why }) {
    const record = this.#names.get(subscription);
    if (!record) return;
    this.#names.delete(subscription);
    record.name = null;
    record.listener.ended(why);
    this.#again(record);
  }

  #again(record) {
    const delay = Math.min(60_000, 1000 * 2 ** record.tries);
    record.tries += 1;
    record.timer = this.#timers.setTimeout(() => {
      if (this.#open && !record.over) this.#begin(record);
    }, delay);
  }

  #leave(record) {
    record.over = true;
    this.#timers.clearTimeout(record.timer);
    this.#subscriptions.delete(record);
    if (record.name !== null && this.#open) this.#forget(record.name);
    this.#names.delete(record.name);
  }

  #forget(subscription) {
    this.#ask("unsubscribe", { subscription }, { done: () => {}, failed: () => {} });
  }
}
