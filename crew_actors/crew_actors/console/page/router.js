// Places of the page and their addresses. Pure.

const RUN_TABS = ["agents", "graph", "timeline", "events", "messages", "files", "summary"];
const TASK_TABS = ["output", "messages", "events", "about"];
const PLAIN = ["runs", "start", "metrics", "settings"];
const OF_A_RUN = ["supervisors", "mailboxes", "letters"];

/** Read the place from the part of an address after `#`. What is no place is `runs`. */
export function placeOf(hash) {
  const parts = hash.replace(/^#?\/?/, "").split("/").filter(Boolean).map(decoded);
  const [head, run, second, third, fourth] = parts;
  if (head === "run" && run) {
    if (second === "task" && third) {
      return { view: "task", run, task: third, tab: TASK_TABS.includes(fourth) ? fourth : "output" };
    }
    return { view: "run", run, tab: RUN_TABS.includes(second) ? second : "agents" };
  }
  if (OF_A_RUN.includes(head)) return run ? { view: head, run } : { view: head };
  return { view: PLAIN.includes(head) ? head : "runs" };
}

/** Write the address of a place. */
export function hashOf(place) {
  const parts = place.view === "task" ? ["run", place.run, "task", place.task] : [place.view];
  if (place.view !== "task" && place.run) parts.push(place.run);
  const usual = { task: "output", run: "agents" }[place.view];
  if (place.tab && place.tab !== usual) parts.push(place.tab);
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Return the token if that is what stands after `#`. */
export function tokenOf(hash) {
  const found = /^#?((?:operator|viewer)\.[A-Za-z0-9_-]{20,})$/.exec(hash);
  return found ? found[1] : null;
}

/** The place above one, for the key that leads back. */
export function above(place) {
  if (place.view === "task") return { view: "run", run: place.run };
  if (place.view === "run" && place.tab !== "agents") return { view: "run", run: place.run };
  if (place.run && place.view !== "run") return { view: place.view };
  return { view: "runs" };
}

export { RUN_TABS, TASK_TABS };

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
