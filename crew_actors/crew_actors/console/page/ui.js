// The parts that views are made of.
//
// All that is shown goes through `h`: text becomes text nodes, and characters that hide
// or turn text around are shown as their codes. Nothing here takes markup from a string.

import { h as create, Component, createContext, render, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import htm from "./vendor/htm.js";
import { visible } from "./format.js";

const SHOWN = ["title", "aria-label", "aria-description", "placeholder", "alt"];

/** Make an element, with all that it shows made visible. */
export function h(type, props, ...children) {
  if (props && typeof type === "string") {
    delete props.dangerouslySetInnerHTML;
    for (const name of SHOWN) if (typeof props[name] === "string") props[name] = visible(props[name]);
  }
  return create(type, props, ...children.map(shown));
}

function shown(child) {
  if (typeof child === "string") return visible(child);
  return Array.isArray(child) ? child.map(shown) : child;
}

export const html = htm.bind(h);
export { Component, createContext, render, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState };

/** A component that is drawn again only if one of its properties is another one. */
export function memo(draw) {
  return class extends Component {
    shouldComponentUpdate(next) {
      const now = this.props;
      for (const name in next) if (next[name] !== now[name]) return true;
      return Object.keys(now).length !== Object.keys(next).length;
    }
    render(props) {
      return draw(props);
    }
  };
}

/** What every view may ask of: `{connection, live, session, prefs, go, act, …}`. */
export const House = createContext(null);
export const useHouse = () => useContext(House);

const NOTHING = { state: undefined, error: null, ended: "" };

/** What is known of a scope, drawn again as it changes. Null: of nothing. */
export function useScope(params) {
  const { live } = useHouse();
  const [, again] = useState(0);
  const key = params ? JSON.stringify(params) : "";
  useEffect(() => {
    if (!params) return undefined;
    return live.watch(params, () => again((count) => count + 1));
  }, [key, live]);
  return (params && live.peek(params)) || NOTHING;
}

/** Draw what changes all the time no more than a few times in a second. Returns the scope as it was. */
export function useSlow(scope, pause = 250) {
  const shown = useRef(scope);
  const timer = useRef(null);
  const [, again] = useState(0);
  const newest = useRef(scope);
  newest.current = scope;
  useEffect(() => () => clearTimeout(timer.current), []);
  if (shown.current.state === undefined || scope.state === undefined) shown.current = scope;
  else if (timer.current === null && scope.state !== shown.current.state) {
    timer.current = setTimeout(() => {
      timer.current = null;
      shown.current = newest.current;
      again((count) => count + 1);
    }, pause);
  }
  return shown.current;
}

/** Ask for an action once, and again when one of *inputs* is another one. */
export function useAnswer(method, params, inputs = []) {
  const { connection, session } = useHouse();
  const [answer, set] = useState({ loading: true });
  const wanted = params !== null && session.state === "open";
  useEffect(() => {
    if (!wanted) return undefined;
    let over = false;
    const put = (value) => over || set(value);
    connection.call(method, params).then((result) => put({ result }), (error) => put({ error }));
    return () => (over = true);
  }, [method, JSON.stringify(params), wanted, ...inputs]);
  return answer;
}

const clocks = new Set();
let ticking = null;

/** The moment of the server in seconds, drawn again each second while *runs*. */
export function useNow(runs = true) {
  const { now } = useHouse();
  const [, tick] = useState(0);
  useEffect(() => {
    if (!runs) return undefined;
    const mine = () => tick((count) => count + 1);
    clocks.add(mine);
    ticking ??= setInterval(() => clocks.forEach((each) => each()), 1000);
    return () => {
      clocks.delete(mine);
      if (!clocks.size) {
        clearInterval(ticking);
        ticking = null;
      }
    };
  }, [runs]);
  return now();
}

const SHAPES = {
  queued: html`<circle cx="8" cy="8" r="5.5" stroke-dasharray="2 2.3" />`,
  planning: html`<path d="M3 13l1-3.2L11 3l2 2-7 6.8z" />`,
  running: html`<circle cx="8" cy="8" r="5.5" class="faint" /><path d="M8 2.5a5.5 5.5 0 0 1 5.5 5.5" class="turns" />`,
  waiting: html`<circle cx="8" cy="8" r="5.5" /><path d="M6.4 6.4a1.7 1.7 0 1 1 2.3 1.6c-.5.2-.7.5-.7 1" /><path d="M8 11.1v.1" />`,
  blocked: html`<rect x="3" y="3" width="10" height="10" rx="1.5" /><path d="M5.5 8h5" />`,
  completed: html`<circle cx="8" cy="8" r="5.5" class="fills" /><path d="M5.4 8.3l1.8 1.8 3.4-4" class="over" />`,
  needs_attention: html`<path d="M8 2.6l5.8 10.2H2.2z" /><path d="M8 6.4v3" /><path d="M8 11.1v.1" />`,
  failed: html`<circle cx="8" cy="8" r="5.5" class="fills" /><path d="M6 6l4 4m0-4l-4 4" class="over" />`,
  cancelled: html`<circle cx="8" cy="8" r="5.5" /><path d="M4.2 11.8l7.6-7.6" />`,
  skipped: html`<path d="M3 4.5L6.5 8 3 11.5M8 4.5L11.5 8 8 11.5M13 4v8" />`,
  interrupted: html`<path d="M9 2.5L4 9h3.5L7 13.5 12 7H8.5z" />`,
};

/** The shapes that stand for *status*, for use in other pictures. */
export function statusShape(status) {
  return SHAPES[status] ?? SHAPES.queued;
}

/** The sign of a status; its name is said aloud unless *silent*. */
export const Sign = memo(({ status, silent }) => {
  const known = status && SHAPES[status] ? status : "queued";
  const said = silent ? { "aria-hidden": "true" } : { role: "img", "aria-label": (status ?? "unknown").replaceAll("_", " ") };
  return html`<svg class=${`sign s-${known}`} viewBox="0 0 16 16" width="16" height="16" ...${said}>${SHAPES[known]}</svg>`;
});

const ICONS = {
  runs: "M2.5 4h11M2.5 8h11M2.5 12h7",
  supervisors: "M8 2.5v4M3.5 13v-3.5h9V13M8 6.5v3M6.5 2.5h3",
  mailboxes: "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5",
  letters: "M2 4h12v8.5H2zM5.5 6.5l5 4m0-4l-5 4",
  metrics: "M2 13.5h12M3.5 11l3-4 2.5 2 4-6",
  settings: "M2.5 5h6m3 0h2M2.5 11h2m3 0h6M10 3.2v3.6M6 9.2v3.6",
  start: "M8 3v10M3 8h10",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5l3 3",
  back: "M9.5 3.5L5 8l4.5 4.5",
  close: "M4 4l8 8m0-8l-8 8",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  follow: "M8 2.5v9m-4-4l4 4 4-4M3 14h10",
  help: "M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM6.4 6.4a1.7 1.7 0 1 1 2.3 1.6c-.5.2-.7.5-.7 1M8 11.1v.1",
  more: "M4 8v.1M8 8v.1M12 8v.1",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
};

/** A small picture beside words; never the only name of something. */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
}

/** The sign and the word of a status. */
export function Status({ status }) {
  return html`<span class=${`status s-${status ?? "queued"}`}><${Sign} status=${status} silent=${true} /> ${(status ?? "unread").replaceAll("_", " ")}</span>`;
}

/** A button that asks for an action of the server. Says why, if it cannot. */
export function Act({ action, onPress, class: kind = "", disabled = "", children, ...rest }) {
  const house = useHouse();
  const why = disabled || house.whyNot(action);
  const press = (event) => {
    if (why) house.tell(why);
    else onPress(event);
  };
  return html`<button type="button" class=${`button ${kind}`} aria-disabled=${why ? "true" : null} title=${why || rest.title} ...${rest} onClick=${press}>${children}</button>`;
}

/** How many of each status, as a bar. */
export const ORDER = ["completed", "needs_attention", "failed", "cancelled", "skipped", "running", "waiting", "queued"];
export const Bar = memo(({ counts, total }) => {
  const parts = ORDER.filter((status) => counts[status]);
  const told = parts.map((status) => `${counts[status]} ${status.replaceAll("_", " ")}`).join(", ");
  return html`<span class="bar" role="img" aria-label=${told || "no tasks"} title=${told}>
    ${parts.map((status) => html`<i key=${status} class=${`s-${status}`} style=${{ flexGrow: counts[status] / (total || 1) }}></i>`)}
  </span>`;
});

/** Tabs as links: they are places of the page. */
export function Tabs({ tabs, at, hrefOf, label }) {
  return html`<nav class="tabs" aria-label=${label}>
    ${tabs.map((tab) => html`<a key=${tab.id} href=${hrefOf(tab.id)} aria-current=${tab.id === at ? "page" : null}>${tab.title}${tab.count ? html`<span class="count">${tab.count}</span>` : null}</a>`)}
  </nav>`;
}

/** What is shown where there is nothing to show yet. */
export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children ? html`<p>${children}</p>` : null}</div>`;
}

/** What stands in place of a scope that is not known, or null if it is. */
export function pending(scope, what) {
  if (scope.error) return html`<${Empty} title=${`${what} cannot be shown`}>${scope.error.message}<//>`;
  if (scope.state === undefined) return html`<div class="loading" aria-busy="true"><span class="visually-hidden">Loading ${what}</span></div>`;
  return null;
}

/** Focus the element after or before the one that has the focus, among those that *selector* finds. */
export function moveFocus(selector, step) {
  const all = [...document.querySelectorAll(selector)].filter((one) => one.offsetParent !== null);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement?.closest(selector));
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
}
