// Between the connection and the views: one subscription for each scope that is looked
// at, however many look. Changes are applied as they come; views are told once a frame.

import { begin, change } from "./store.js";

const LINGER = 5000;

/** The one way to write which scope is meant. */
export function keyOf(params) {
  return [params.scope, params.run ?? "", params.task ?? ""].join("\n");
}

export class Live {
  #connection; #frame; #timers;
  #entries = new Map();
  #dirty = new Set();
  #scheduled = false;

  constructor(connection, { frame = (run) => requestAnimationFrame(run), timers = globalThis } = {}) {
    this.#connection = connection;
    this.#frame = frame;
    this.#timers = timers;
  }

  /** What is known of a scope now: `{state, error, ended}`. */
  peek(params) {
    return this.#entries.get(keyOf(params));
  }

  /** Be told, once a frame, that a scope has changed; with *atOnce*, each time. Returns how to end it. */
  watch(params, listener, { atOnce = false } = {}) {
    const key = keyOf(params);
    const entry = this.#entries.get(key) ?? this.#enter(key, params);
    this.#timers.clearTimeout(entry.timer);
    const listeners = atOnce ? entry.eager : entry.listeners;
    listeners.add(listener);
    if (entry.state !== undefined || entry.error) listener(entry);
    return () => {
      listeners.delete(listener);
      if (entry.listeners.size + entry.eager.size === 0) {
        entry.timer = this.#timers.setTimeout(() => this.#leave(key, entry), LINGER);
      }
    };
  }

  #enter(key, params) {
    const entry = { state: undefined, error: null, ended: "", listeners: new Set(), eager: new Set(), timer: null, end: null };
    this.#entries.set(key, entry);
    const told = (state) => {
      entry.state = state;
      entry.error = null;
      entry.ended = "";
      this.#mark(entry);
    };
    entry.end = this.#connection.subscribe(params, {
      snapshot: (data) => told(begin(params.scope, data, entry.state)),
      changes: (data) => told(change(params.scope, entry.state, data)),
      ended: (why) => {
        entry.ended = why;
        this.#mark(entry);
      },
      failed: (error) => {
        entry.error = error;
        this.#mark(entry);
      },
    });
    return entry;
  }

  #leave(key, entry) {
    if (entry.listeners.size + entry.eager.size) return;
    entry.end();
    this.#entries.delete(key);
  }

  #mark(entry) {
    for (const listener of entry.eager) listener(entry);
    this.#dirty.add(entry);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#frame(() => this.#flush());
  }

  #flush() {
    this.#scheduled = false;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const entry of dirty) for (const listener of [...entry.listeners]) listener(entry);
  }
}
