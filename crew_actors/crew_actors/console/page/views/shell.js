// The frame: where one can go, how the connection is, dialogs, what was said.

import { useKeys } from "../bindings.js";
import { above, hashOf } from "../router.js";
import { wantsPerson } from "../store.js";
import { Empty, House, html, Icon, memo, moveFocus, useEffect, useHouse, useLayoutEffect, useRef, useScope, useState } from "../ui.js";
import { Dialogs } from "./dialogs.js";
import { Letters } from "./letters.js";
import { Mailboxes } from "./mailboxes.js";
import { Metrics } from "./metrics.js";
import { Overview } from "./overview.js";
import { Run } from "./run.js";
import { Settings } from "./settings.js";
import { Start } from "./start.js";
import { Supervisors } from "./supervisors.js";
import { Task } from "./task.js";
import { useAlerts } from "./alerts.js";

const VIEWS = { runs: Overview, run: Run, task: Task, start: Start, supervisors: Supervisors, mailboxes: Mailboxes, letters: Letters, metrics: Metrics, settings: Settings };
const PLACES = [
  { view: "runs", title: "Runs", key: "r" },
  { view: "supervisors", title: "Supervisors", brief: "Tree", key: "s" },
  { view: "mailboxes", title: "Mailboxes", brief: "Mail", key: "m" },
  { view: "letters", title: "Dead letters", brief: "Letters", key: "d" },
  { view: "metrics", title: "Metrics", key: "c" },
  { view: "settings", title: "Settings", key: "," },
];
const HOME = { run: "runs", task: "runs" };

/** All of the page. */
export function Shell({ keeper, house }) {
  return html`<${House.Provider} value=${house}><${Frame} keeper=${keeper} /><//>`;
}

function Frame({ keeper }) {
  const house = useHouse();
  const { place, session } = house;
  useShellKeys(house, keeper);
  const main = useRef(null);
  const where = `${place.view} ${place.run ?? ""} ${place.task ?? ""}`;
  const first = useRef(true);
  useLayoutEffect(() => {
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [where]);
  // Figures are kept while somebody wants to know them: whoever has this page open does.
  useEffect(() => house.live.watch({ scope: "metrics" }, () => {}), [house.live]);
  const View = VIEWS[place.view];
  const shown = session.hello
    ? html`<${View} key=${where} place=${place} />`
    : html`<${Welcome} key="welcome" />`;
  return html`<div class="shell">
    <button type="button" class="skip" onClick=${() => main.current.focus()}>Skip to content</button>
    <${Side} place=${place} session=${session} />
    <main id="main" tabindex="-1" ref=${main}>
      <${Connection} session=${session} />
      ${shown}
    </main>
    <${Dialogs} dialog=${keeper.dialog} />
    <${Said} toasts=${keeper.toasts} />
    ${session.hello ? html`<${Alerts} key="alerts" />` : null}
  </div>`;
}

function useShellKeys(house, keeper) {
  const go = (view) => () => house.go({ view });
  useKeys([
    { keys: ["Mod+k"], title: "Command palette", group: "Everywhere", run: () => house.ask({ kind: "palette" }) },
    { keys: ["?"], title: "Keys", group: "Everywhere", run: () => house.ask({ kind: "help" }) },
    { keys: ["/"], title: "Filter what is shown", group: "Everywhere", run: () => focusFilter() },
    { keys: ["j", "ArrowDown"], title: "Next row", group: "Everywhere", run: (event) => heedRows(event, 1) },
    { keys: ["k", "ArrowUp"], title: "Row before", group: "Everywhere", run: (event) => heedRows(event, -1) },
    { keys: ["u"], title: "Back up", group: "Everywhere", run: () => house.go(above(house.place)) },
    { keys: ["n"], title: "Start a team", group: "Go to", run: go("start") },
    ...PLACES.map((one) => ({ keys: [`g ${one.key}`], title: one.title, group: "Go to", run: go(one.view) })),
    { keys: ["Escape"], title: "Leave a field", group: "Everywhere", run: (event) => event.target?.blur?.() },
  ]);
  return keeper;
}

function heedRows(event, step) {
  // Arrows scroll unless a row has the focus already.
  if (event.key.startsWith("Arrow") && !event.target?.closest?.("[data-row]")) return false;
  return moveFocus("[data-row]", step);
}

function focusFilter() {
  const field = document.querySelector("main [data-filter]");
  field?.focus();
  field?.select?.();
}

function Side({ place, session }) {
  const { hello } = session;
  const at = HOME[place.view] ?? place.view;
  return html`<header class="side">
    <a class="brand" href="#/runs"><img src="icon.svg" alt="" width="24" height="24" /><span>crew</span></a>
    <a class="button primary start" href="#/start" aria-current=${at === "start" ? "page" : null}><${Icon} name="start" /><span>Start a team</span></a>
    <nav aria-label="Main" class="places">
      ${PLACES.map((one) => html`<a key=${one.view} href=${hashOf(one)} aria-current=${one.view === at ? "page" : null}>
        <${Icon} name=${one.view} /><span class="long">${one.title}</span>${one.brief ? html`<span class="brief" aria-hidden="true">${one.brief}</span>` : null}${one.view === "runs" && hello ? html`<${Wanting} />` : null}
      </a>`)}
    </nav>
    <div class="side-foot">
      <${Palette} />
      <${Server} session=${session} />
    </div>
  </header>`;
}

function Palette() {
  const house = useHouse();
  return html`<button type="button" class="button quiet find" onClick=${() => house.ask({ kind: "palette" })}>
    <${Icon} name="search" /><span>Find or do</span><kbd>${/Mac/.test(navigator.platform) ? "⌘K" : "Ctrl K"}</kbd>
  </button>`;
}

const STATES = {
  open: "Connected", connecting: "Connecting", waiting: "Reconnecting",
  refused: "Not let in", stopped: "Stopped", "no-token": "No token",
};

function Server({ session }) {
  const { hello, state } = session;
  return html`<div class="server">
    <span class=${`dot dot-${state}`} aria-hidden="true"></span>
    <span>${STATES[state]}${hello ? html` · ${hello.role}` : null}</span>
    ${hello ? html`<span class="muted" title=${hello.server.project}>crew ${hello.server.version}</span>` : null}
  </div>`;
}

function Wanting() {
  const { state } = useScope({ scope: "runs" });
  const count = state ? Object.values(state.rows).filter((row) => wantsPerson(row) && row.owner).length : 0;
  return count ? html`<span class="count wants" title="runs that wait for you">${count}<span class="visually-hidden"> wait for you</span></span>` : null;
}

const Alerts = () => {
  const text = useAlerts();
  return html`<div class="visually-hidden" role="status" aria-live="polite">${text}</div>`;
};

/** What is said while the connection is not there; nothing at all for a moment's loss. */
const Connection = memo(({ session }) => {
  const calm = session.hello && ["waiting", "connecting"].includes(session.state);
  return html`<div role="status" class="connection">
    ${calm ? html`<p class="reconnecting"><span class="dot dot-waiting" aria-hidden="true"></span>Reconnecting. What you see may be out of date; it goes on by itself.</p>` : null}
    ${session.updated && !calm ? html`<p class="reconnecting updated">The server is another version now, and this page is of the one before.<button type="button" class="button" onClick=${() => location.reload()}>Load it anew</button></p>` : null}
  </div>`;
});

function Welcome() {
  const { session, give } = useHouse();
  const [token, set] = useState("");
  if (session.state === "connecting") return html`<div class="loading" aria-busy="true"><span class="visually-hidden">Connecting</span></div>`;
  if (session.state === "waiting") {
    return html`<${Empty} title="The server cannot be reached">Trying again by itself. Is crew serve still running?<//>`;
  }
  const why = session.state === "refused" ? "The server does not know this token. Each crew serve makes new ones." : "This page needs the token that crew serve has printed.";
  const send = (event) => {
    event.preventDefault();
    give(token.trim().replace(/^.*#/, ""));
  };
  return html`<div class="empty welcome">
    <h1>Not connected</h1>
    <p>${why} Open the whole address, or paste it here.</p>
    <form onSubmit=${send} class="inline-form">
      <label class="field"><span>Address or token</span><input type="password" autocomplete="off" value=${token} onInput=${(event) => set(event.target.value)} /></label>
      <button class="button primary" disabled=${!token.trim()}>Connect</button>
    </form>
  </div>`;
}

function Said({ toasts }) {
  return html`<div class="toasts">
    <div role="status" aria-live="polite">${toasts.filter((one) => one.kind !== "bad").map(toastOf)}</div>
    <div role="alert">${toasts.filter((one) => one.kind === "bad").map(toastOf)}</div>
  </div>`;
}

function toastOf(toast) {
  return html`<p key=${toast.id} class=${`toast ${toast.kind}`}>${toast.text}</p>`;
}
