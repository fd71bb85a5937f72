// Tell people who do not look: in the title, to screen readers, and as notifications.

import { headline } from "../format.js";
import { hasEnded, wantsPerson } from "../store.js";
import { useEffect, useHouse, useRef, useState } from "../ui.js";

/** Compare rows of runs and say what a person should know; a run among *first* was there before anybody looked. Pure. */
export function newsOf(before, rows, first = new Set()) {
  const news = [];
  for (const row of before === null ? [] : Object.values(rows)) {
    const known = before[row.run];
    if (row.partial || (known?.partial && first.has(row.run))) continue;
    const old = known && !known.partial ? known : { ...row, questions: 0, approval: "none" };
    const name = headline(row.goal, 60);
    if (row.questions > old.questions) news.push({ run: row.run, text: `An agent asks a question: ${name}` });
    if (row.approval === "requested" && old.approval !== "requested") news.push({ run: row.run, text: `A plan waits for approval: ${name}` });
    if (hasEnded(row.status) && !hasEnded(old.status)) news.push({ run: row.run, text: `Run ${row.status}: ${name}` });
  }
  return news;
}

/** Follow the runs; returns the newest of the news, for a live region. */
export function useAlerts() {
  const { live, prefs, go } = useHouse();
  const [text, set] = useState("");
  const before = useRef(null);
  const first = useRef(null);
  useEffect(() => live.watch({ scope: "runs" }, (entry) => {
    if (!entry.state) return;
    const { rows } = entry.state;
    first.current ??= new Set(Object.keys(rows));
    const news = newsOf(before.current, rows, first.current);
    before.current = rows;
    const count = Object.values(rows).filter((row) => wantsPerson(row) && row.owner).length;
    document.title = `${count ? `(${count}) ` : ""}crew`;
    if (!news.length) return;
    set(news.map((one) => one.text).join(". "));
    if (prefs.values.notify && document.hidden) for (const one of news) notify(one, go);
  }, { atOnce: true }), [live]);
  return text;
}

function notify(one, go) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const shown = new Notification("crew", { body: one.text, tag: one.run, icon: "icon.svg" });
  shown.onclick = () => {
    window.focus();
    go({ view: "run", run: one.run });
  };
}
