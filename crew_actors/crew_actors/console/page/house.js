// What all views share: the session, what can be done, what is said to the person.

import { Connection, RequestError } from "./connection.js";
import { Live } from "./live.js";
import { hashOf, placeOf, tokenOf } from "./router.js";

const TOKEN = "crew.token";
const VIEWING = "You may only look: this page was opened with a viewer's link.";

/** Take the token out of the address, so that it is in no history and no screenshot. */
export function takeToken(place = location, past = history, kept = sessionStorage) {
  const token = tokenOf(place.hash);
  if (token) {
    kept.setItem(TOKEN, token);
    past.replaceState(null, "", `${place.pathname}#/runs`);
  }
  return token ?? kept.getItem(TOKEN);
}

/** Make what views share; *changed* is called when one of its values is another one. */
export class HouseKeeper {
  constructor({ token, prefs, changed }) {
    this.prefs = prefs;
    this.changed = changed;
    this.place = placeOf(location.hash);
    this.toasts = [];
    this.dialog = null;
    this.skew = 0;
    this.lastToast = 0;
    this.schema = null;
    this.open(token);
  }

  /** Connect with *token*; without one, wait for the person to give it. */
  open(token) {
    this.connection?.stop();
    this.session = { state: token ? "connecting" : "no-token", hello: this.session?.hello ?? null };
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.connection = new Connection({
      url: `${scheme}://${location.host}/ws`,
      token,
      onStatus: (status) => this.#status(status),
    });
    this.live = new Live(this.connection);
    if (token) this.connection.start();
  }

  /** The value that views are given. A new one each time, so that they are drawn again. */
  get value() {
    return {
      connection: this.connection, live: this.live, session: this.session, prefs: this.prefs,
      place: this.place,
      now: () => Date.now() / 1000 + this.skew,
      go: (place) => (location.hash = hashOf(place)),
      whyNot: (action) => this.whyNot(action),
      act: (action, params, said) => this.act(action, params, said),
      tell: (text, kind) => this.tell(text, kind),
      ask: (dialog) => this.ask(dialog),
      close: () => this.ask(null),
      give: (token) => this.give(token),
      methods: () => this.methods(),
    };
  }

  give(token) {
    sessionStorage.setItem(TOKEN, token);
    this.open(token);
    this.changed();
  }

  /** Why *action* cannot be asked for now; empty if it can. */
  whyNot(action) {
    const { state, hello } = this.session;
    if (state !== "open") return "There is no connection at the moment.";
    const known = hello.actions[action];
    if (!known) return `This server does not offer ${action}.`;
    return known.role === "operator" && hello.role !== "operator" ? VIEWING : "";
  }

  /** Ask for an action and say how it went. Returns its result, or null if it was refused. */
  async act(action, params, said = "") {
    const why = this.whyNot(action);
    if (why) {
      this.tell(why);
      return null;
    }
    try {
      const result = await this.connection.call(action, params);
      const text = typeof said === "function" ? said(result) : said;
      if (text) this.tell(text, "good");
      return result;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.tell(error.message, "bad");
      return null;
    }
  }

  /** Say something, for a while. */
  tell(text, kind = "") {
    const toast = { id: (this.lastToast += 1), text: String(text), kind };
    this.toasts = [...this.toasts.slice(-3), toast];
    setTimeout(() => this.#unsay(toast), kind === "bad" ? 12_000 : 5_000);
    this.changed();
  }

  ask(dialog) {
    this.dialog = dialog;
    this.changed();
  }

  /** The parameters of all actions, as the server publishes them. */
  async methods() {
    if (!this.schema) {
      const answer = await fetch("schema.json");
      this.schema = (await answer.json()).methods;
    }
    return this.schema;
  }

  #unsay(toast) {
    this.toasts = this.toasts.filter((one) => one !== toast);
    this.changed();
  }

  #status(status) {
    if (status.hello) {
      this.skew = status.hello.now - Date.now() / 1000;
      this.version ??= status.hello.server.version;
      status.updated = this.version !== status.hello.server.version;
    }
    const quiet = this.session.state === "waiting" && status.state === "connecting";
    this.session = { ...this.session, ...status, state: quiet ? "waiting" : status.state };
    this.changed();
  }
}
