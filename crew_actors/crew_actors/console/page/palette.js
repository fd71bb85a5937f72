// What the command palette finds. Pure.

/** Score how well *query* fits *text*: null if it does not. Smaller is better. */
export function score(query, text) {
  if (!query) return 0;
  const wanted = query.toLowerCase();
  const within = text.toLowerCase();
  const at = within.indexOf(wanted);
  if (at === 0) return 0;
  if (at > 0) return (/[\s:\-_/]/.test(within[at - 1]) ? 1 : 2) + at / 1000;
  let place = -1;
  let gaps = 0;
  for (const letter of wanted) {
    if (letter === " ") continue;
    const next = within.indexOf(letter, place + 1);
    if (next < 0) return null;
    if (place >= 0) gaps += next - place - 1;
    place = next;
  }
  return 10 + gaps;
}

/** Return the entries that fit, the best first; at most *most*. */
export function search(entries, query, most = 60) {
  const found = [];
  entries.forEach((entry, place) => {
    const title = score(query, entry.title);
    const other = entry.hint ? score(query, entry.hint) : null;
    const best = title ?? (other === null ? null : other + 20);
    if (best !== null) found.push({ entry, best: best + (entry.late ? 5 : 0), place });
  });
  found.sort((a, b) => a.best - b.best || a.place - b.place);
  return found.slice(0, most).map((one) => one.entry);
}
