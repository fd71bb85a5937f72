// Keys and sequences of keys. Pure but for `listen`.

/** Name a key press as bindings do: `j`, `?`, `g r`, `Mod+k`, `Escape`. */
export function nameOf(event) {
  const mod = event.ctrlKey || event.metaKey ? "Mod+" : "";
  if (event.altKey) return "";
  const key = event.key.length === 1 && mod ? event.key.toLowerCase() : event.key;
  return mod + (key === " " ? "Space" : key);
}

/** Follows sequences: `press` returns the action of what was pressed, null, or "pending". */
export class Sequences {
  constructor(patience = 1200) {
    this.patience = patience;
    this.before = "";
    this.at = 0;
  }

  press(name, now, bindings) {
    const joined = this.before && now - this.at <= this.patience ? `${this.before} ${name}` : name;
    this.before = "";
    for (const wanted of joined === name ? [name] : [joined, name]) {
      const found = bindings.find((one) => one.keys.includes(wanted));
      if (found) return found;
      if (bindings.some((one) => one.keys.some((keys) => keys.startsWith(`${wanted} `)))) {
        this.before = wanted;
        this.at = now;
        return "pending";
      }
    }
    return null;
  }
}

/** Whether a key press belongs to what has the focus, as letters do to a field. */
export function isTyping(target, name) {
  if (name.startsWith("Mod+")) return false;
  const tag = target?.tagName;
  if (name === "Escape") return false;
  if (tag === "TEXTAREA" || tag === "SELECT" || target?.isContentEditable) return true;
  return tag === "INPUT" && !["checkbox", "radio", "button", "submit"].includes(target.type);
}

/** Whether Enter or Space on this element does something of its own. */
export function isPressable(target) {
  return ["A", "BUTTON", "SUMMARY", "INPUT"].includes(target?.tagName) || target?.hasAttribute?.("data-press");
}

/** Heed key presses of the document; *bindings* gives those that hold now. Returns how to stop. */
export function listen(target, bindings, clock = () => performance.now()) {
  const sequences = new Sequences();
  const heed = (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const name = nameOf(event);
    if (!name || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    if (isTyping(event.target, name)) return;
    if ((name === "Enter" || name === "Space") && isPressable(event.target)) return;
    const found = sequences.press(name, clock(), bindings());
    if (found === null) return;
    if (found === "pending") return event.preventDefault();
    if (found.run(event) !== false) event.preventDefault();
  };
  target.addEventListener("keydown", heed);
  return () => target.removeEventListener("keydown", heed);
}
