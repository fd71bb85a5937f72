// What a person has chosen, kept in the browser.

const KEY = "crew.prefs";
export const DEFAULTS = { theme: "system", density: "cosy", motion: "system", notify: false, wrap: true, graph: "wide" };
const CHOICES = {
  theme: ["system", "light", "dark"],
  density: ["cosy", "dense"],
  motion: ["system", "reduced"],
  notify: [true, false],
  wrap: [true, false],
  graph: ["wide", "small"],
};

/** Take what is kept for choices; what is none becomes the usual one. Pure. */
export function sound(kept) {
  const found = { ...DEFAULTS };
  for (const [name, choices] of Object.entries(CHOICES)) {
    if (kept && choices.includes(kept[name])) found[name] = kept[name];
  }
  return found;
}

export class Prefs {
  constructor(store = localStorage, root = document.documentElement) {
    this.store = store;
    this.root = root;
    this.values = sound(parsed(store.getItem(KEY)));
    this.show();
  }

  set(name, value) {
    this.values = sound({ ...this.values, [name]: value });
    this.store.setItem(KEY, JSON.stringify(this.values));
    this.show();
  }

  /** Tell the style sheets. */
  show() {
    for (const name of ["theme", "density", "motion"]) this.root.dataset[name] = this.values[name];
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
