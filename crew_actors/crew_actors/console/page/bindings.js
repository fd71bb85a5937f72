// Which keys do what, now. Views add theirs while they are shown.

import { useLayoutEffect, useRef } from "./ui.js";

const active = new Set();

/** All bindings that hold: `{keys, title, group, run}`, those of the view first. */
export function bindings() {
  return [...active].reverse().flatMap((slot) => slot.current);
}

/** Let *list* hold while the view is shown. */
export function useKeys(list) {
  const slot = useRef(list);
  slot.current = list;
  useLayoutEffect(() => {
    active.add(slot);
    return () => active.delete(slot);
  }, []);
}
