// The command palette: places, runs, what can be done here, and every action of the server.

import { headline } from "../format.js";
import { search } from "../palette.js";
import { html, useEffect, useHouse, useMemo, useRef, useScope, useState } from "../ui.js";
import { runActs, taskActs } from "./acts.js";

const PLACES = [["runs", "Runs"], ["start", "Start a team"], ["supervisors", "Supervisors"], ["mailboxes", "Mailboxes"], ["letters", "Dead letters"], ["metrics", "Metrics"], ["settings", "Settings"]];

export function PaletteBox() {
  const house = useHouse();
  const { place } = house;
  const runs = useScope({ scope: "runs" }).state?.rows;
  const run = useScope(place.run ? { scope: "run", run: place.run } : null).state;
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const entries = useMemo(() => entriesOf(house, runs, run), [house.session, runs, run, place]);
  const found = search(entries, query.trim());
  const chosen = Math.min(at, found.length - 1);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [chosen, query]);
  const take = (entry) => {
    if (entry.why) return house.tell(entry.why);
    house.close();
    // The dialog is gone first, so that the focus goes to where the action puts it.
    return setTimeout(entry.run);
  };
  const heed = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((chosen + step + found.length) % found.length);
    else if (event.key === "Enter" && found[chosen]) take(found[chosen]);
    else return;
    event.preventDefault();
  };
  return html`<input type="text" class="palette-field" data-first role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant=${found.length ? `palette-${chosen}` : null} aria-label="What do you want to do?" placeholder="Find a run, a place or an action" autocomplete="off" value=${query} onInput=${(event) => { setQuery(event.target.value); setAt(0); }} onKeyDown=${heed} />
    <ul id="palette-list" role="listbox" aria-label="What there is" ref=${list}>
      ${found.map((entry, number) => html`<li key=${entry.id} id=${`palette-${number}`} role="option" aria-selected=${String(number === chosen)} aria-disabled=${entry.why ? "true" : null} title=${entry.why || null} onClick=${() => take(entry)} onPointerMove=${() => number !== chosen && setAt(number)}>
        <span class="palette-title">${entry.title}</span><span class="muted palette-hint">${entry.hint}</span><span class="sub">${entry.group}</span></li>`)}
    </ul>
    ${found.length ? null : html`<p class="empty-title">Nothing fits</p>`}`;
}

function entriesOf(house, runs, run) {
  const { place, session } = house;
  const entries = [];
  const add = (group, id, title, hint, run, why = "", late = false) => entries.push({ id: `${group} ${id}`, group, title, hint, run, why, late });
  if (run && place.task && run.tasks[place.task]) {
    for (const act of taskActs(house, place.run, run.tasks[place.task])) add("this task", act.title, act.title, place.task, act.run, house.whyNot(act.action));
  }
  if (run) {
    for (const act of runActs(house, run.head)) add("this run", act.title, act.title, headline(run.head.goal, 60), act.run, house.whyNot(act.action));
    for (const id of run.order) add("task", id, id, run.tasks[id]?.status.replaceAll("_", " ") ?? "", () => house.go({ view: "task", run: place.run, task: id }));
  }
  for (const [view, title] of PLACES) add("go to", view, title, "", () => house.go({ view }));
  for (const row of Object.values(runs ?? {})) add("run", row.run, headline(row.goal, 80), `${row.status ?? ""} · ${row.run}`, () => house.go({ view: "run", run: row.run }));
  const values = { ...(place.run ? { run: place.run } : {}), ...(place.task ? { task: place.task } : {}) };
  for (const [name, one] of Object.entries(session.hello?.actions ?? {})) {
    add("action", name, name, one.summary, () => house.ask({ kind: "form", action: name, values }), house.whyNot(name), true);
  }
  add("view", "theme", "Switch between light and dark", "", () => house.prefs.set("theme", isDark() ? "light" : "dark"));
  return entries;
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}
