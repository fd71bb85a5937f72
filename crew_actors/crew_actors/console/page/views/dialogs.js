// Dialogs: confirm, the command palette, the keys, the form of any action.

import { bindings } from "../bindings.js";
import { html, useEffect, useHouse, useRef, useState } from "../ui.js";
import { ActionForm } from "./action-form.js";
import { PaletteBox } from "./palette-box.js";

export function Dialogs({ dialog }) {
  if (!dialog) return null;
  if (dialog.kind === "palette") return html`<${Dialog} key="palette" label="Command palette" class="palette"><${PaletteBox} /><//>`;
  if (dialog.kind === "help") return html`<${Dialog} key="help" label="Keys" class="help"><${Help} /><//>`;
  if (dialog.kind === "form") return html`<${Dialog} key=${dialog.action} label=${dialog.action} class="form-dialog"><${ActionForm} action=${dialog.action} values=${dialog.values ?? {}} /><//>`;
  return html`<${Dialog} key=${dialog.title} label=${dialog.title} role=${dialog.danger ? "alertdialog" : "dialog"}><${Confirm} dialog=${dialog} /><//>`;
}

/** A modal dialog; the browser keeps the focus in it and gives it back. */
function Dialog({ label, class: kind = "", role = "dialog", children }) {
  const house = useHouse();
  const element = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    const dialog = element.current;
    dialog.showModal();
    dialog.querySelector("[data-first]")?.focus();
    return () => {
      dialog.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  const cancel = (event) => {
    event.preventDefault();
    house.close();
  };
  const press = (event) => event.target === element.current && house.close();
  return html`<dialog ref=${element} class=${kind} role=${role} aria-label=${label} onCancel=${cancel} onClick=${press}><div class="dialog-inner">${children}</div></dialog>`;
}

function Confirm({ dialog }) {
  const house = useHouse();
  const [text, setText] = useState("");
  const yes = (event) => {
    event?.preventDefault();
    house.close();
    dialog.onYes(text.trim());
  };
  return html`<form onSubmit=${yes}>
    <h2>${dialog.title}</h2>
    <p>${dialog.text}</p>
    ${dialog.field ? html`<label class="field"><span>${dialog.field}</span><input type="text" value=${text} onInput=${(event) => setText(event.target.value)} /></label>` : null}
    <div class="dialog-foot">
      <button type="button" class="button" data-first onClick=${() => house.close()}>${dialog.no ?? "Back"}</button>
      <button class=${`button ${dialog.danger ? "danger filled" : "primary"}`}>${dialog.yes}</button>
    </div>
  </form>`;
}

const NAMES = { "Mod+k": "Ctrl K", Escape: "Esc", ArrowDown: "↓", ArrowUp: "↑" };

function Help() {
  const house = useHouse();
  const groups = new Map();
  for (const one of bindings()) {
    if (!groups.has(one.group)) groups.set(one.group, []);
    groups.get(one.group).push(one);
  }
  return html`<h2>Keys</h2><div class="help-groups">
    ${[...groups].map(([group, list]) => html`<section key=${group}><h3>${group}</h3><dl>${list.map((one) => html`<div key=${one.title}><dt>${one.keys.map((keys, place) => html`<span key=${keys}>${place ? " or " : ""}${keys.split(" ").map((key) => html`<kbd key=${key}>${NAMES[key] ?? key}</kbd> `)}</span>`)}</dt><dd>${one.title}</dd></div>`)}</dl></section>`)}
  </div>
  <div class="dialog-foot"><button type="button" class="button" data-first onClick=${() => house.close()}>Close</button></div>`;
}
