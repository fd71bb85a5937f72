// The live output of an agent.
//
// Lines are put into the document by hand, a hundred to a block: what was drawn is not
// looked at again, blocks out of sight cost no layout, and the oldest are taken out.

import { useKeys } from "../bindings.js";
import { counted } from "../format.js";
import { plain } from "../output.js";
import { html, Icon, pending, useEffect, useHouse, useRef, useScope, useState } from "../ui.js";

const BLOCK = 100;
const NEAR = 32;

/** Draws an `OutputBuffer` into an element, and keeps up with it. */
export class Drawer {
  constructor(box) {
    this.box = box;
    this.reset(null, "");
  }

  reset(buffer, filter) {
    this.buffer = buffer;
    this.filter = filter;
    this.blocks = [];
    this.drawn = buffer ? buffer.first : 0;
    this.last = null;
    this.box.replaceChildren();
  }

  /** Draw what is new in *buffer*; only lines with *filter* in them, if there is one. */
  draw(buffer, filter) {
    if (buffer !== this.buffer || filter !== this.filter) this.reset(buffer, filter);
    const from = Math.max(buffer.first, this.drawn - 1);
    if (this.last && this.last.number >= from) {
      this.last.element.remove();
      this.blocks[this.blocks.length - 1].count -= 1;
      this.last = null;
    }
    for (let number = from; number < buffer.end; number += 1) this.#put(buffer.lines[number - buffer.first], number);
    this.drawn = buffer.end;
    while (this.blocks.length && this.blocks[0].end < buffer.first) this.blocks.shift().element.remove();
  }

  #put(line, number) {
    if (this.filter && !plain(line).toLowerCase().includes(this.filter)) return;
    let block = this.blocks[this.blocks.length - 1];
    if (!block || block.count >= BLOCK) {
      block = { element: document.createElement("div"), count: 0, end: number };
      block.element.className = "block-of-lines";
      this.blocks.push(block);
      this.box.append(block.element);
    }
    const element = lineElement(line);
    block.element.append(element);
    block.count += 1;
    block.end = number;
    this.last = { element, number };
  }
}

function lineElement(line) {
  const element = document.createElement("div");
  element.className = "out-line";
  for (const piece of line.pieces) {
    if (!piece.class) element.append(piece.text);
    else {
      const span = document.createElement("span");
      span.className = piece.class;
      span.textContent = piece.text;
      element.append(span);
    }
  }
  return element;
}

export function Output({ run, task }) {
  const scope = useScope({ scope: "output", run, task });
  const { prefs } = useHouse();
  const [follows, setFollows] = useState(true);
  const [wraps, setWraps] = useState(prefs.values.wrap);
  const [filter, setFilter] = useState("");
  const box = useRef(null);
  const inner = useRef(null);
  const drawer = useRef(null);
  const [errors, setErrors] = useState(false);
  const state = scope.state?.[errors ? "errors" : "said"];
  useEffect(() => {
    if (!state || !inner.current) return;
    drawer.current ??= new Drawer(inner.current);
    if (drawer.current.box !== inner.current) drawer.current = new Drawer(inner.current);
    drawer.current.draw(state.buffer, filter.toLowerCase());
    if (follows) box.current.scrollTop = box.current.scrollHeight;
  }, [state, follows, filter, wraps]);
  const toggle = () => setFollows(!follows);
  useKeys([{ keys: ["f"], title: "Follow or pause the output", group: "This task", run: toggle }]);
  const scrolled = () => {
    if (!box.current) return; // it was scrolled just before it went
    const { scrollHeight, scrollTop, clientHeight } = box.current;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (atEnd !== follows) setFollows(atEnd);
  };
  const wrap = () => {
    prefs.set("wrap", !wraps);
    setWraps(!wraps);
  };
  const missing = pending(scope, "the output");
  return html`<section class="output" aria-label="Output">
    <div class="tools">
      <input type="search" class="filter" data-filter placeholder="Filter lines" aria-label="Filter lines" value=${filter} onInput=${(event) => setFilter(event.target.value)} />
      <div class="choice" role="group" aria-label="Output">
        <button type="button" aria-pressed=${String(follows)} onClick=${toggle}><${Icon} name=${follows ? "follow" : "pause"} /> ${follows ? "Follows" : "Paused"}</button>
        <button type="button" aria-pressed=${String(wraps)} onClick=${wrap}>Wrap</button>
        <button type="button" aria-pressed=${String(errors)} onClick=${() => setErrors(!errors)}>Errors${scope.state?.errors.end ? html` <span class="count">${counted(scope.state.errors.buffer.count, "line")}</span>` : null}</button>
      </div>
      ${state ? html`<span class="muted num">${scope.state.attempt ?? ""} · ${counted(state.buffer.count, "line")}${state.buffer.first ? `, the last ${state.buffer.count - state.buffer.first} are kept` : ""}</span>` : null}
    </div>
    ${missing}
    <div class=${`scroll terminal ${wraps ? "wraps" : ""}`} ref=${box} tabindex="0" role="log" aria-live="off" aria-label=${`Output of ${task}`} onScroll=${scrolled} hidden=${Boolean(missing)}>
      <div ref=${inner} class="lines-inner"></div>
      ${state && !state.buffer.end ? html`<p class="empty-title">${errors ? "It has written no errors" : "It has written nothing yet"}</p>` : null}
    </div>
  </section>`;
}
