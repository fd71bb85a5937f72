// The output of an agent as lines. Pure.
//
// 1. Text comes in pieces that may end anywhere: within a line, within an escape.
// 2. Colours of a terminal become names of classes from a closed list. All other escapes
//    are taken out; what else cannot be seen is shown as its code.
// 3. Bounded: the newest lines stay, and a line has a most. Only the last line changes.

import { visible } from "./format.js";

export const LINES_KEPT = 5000;
export const LINE_LENGTH = 4000;

// eslint-disable-next-line no-control-regex
const TOKEN = /\u001b\[([0-9;:?]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[PX^_][^\u001b]*\u001b\\|\u001b[ -/]*[0-~]|\r\n|\n|\r|[^\u001b\r\n]+|\u001b/g;
// eslint-disable-next-line no-control-regex
const UNFINISHED = /(?:\u001b(?:\[[0-9;:?]*[ -/]*|\][^\u0007\u001b]{0,2000}\u001b?|[PX^_][^\u001b]{0,2000}\u001b?|[ -/]*)?|\r)$/;
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** Lines of text, each made of pieces with a class. */
export class OutputBuffer {
  constructor(most = LINES_KEPT) {
    this.most = most;
    this.lines = [];
    /** The number of the first line that is kept; those before were dropped. */
    this.first = 0;
    /** Grows with each change. */
    this.version = 0;
    this.rest = "";
    this.style = { colour: "", bold: false, faint: false, italic: false, underline: false };
  }

  /** Number of the line after the last one. */
  get end() {
    return this.first + this.lines.length;
  }

  /** Lines that were written so far; what follows the last line end counts if there is something. */
  get count() {
    const last = this.lines[this.lines.length - 1];
    return this.end - (last && !last.length ? 1 : 0);
  }

  /** Take in more text. */
  feed(text) {
    if (!text) return;
    this.version += 1;
    const all = this.rest + text;
    const cut = UNFINISHED.exec(all);
    this.rest = cut ? cut[0] : "";
    const whole = cut ? all.slice(0, cut.index) : all;
    for (const [token, args, final] of whole.matchAll(TOKEN)) this.#take(token, args, final);
    const over = this.lines.length - this.most;
    if (over > 0) {
      this.lines.splice(0, over);
      this.first += over;
    }
  }

  /** Say that *bytes* before what comes are not known. */
  note(bytes) {
    this.version += 1;
    this.rest = "";
    this.lines.push({ length: LINE_LENGTH, pieces: [{ text: `… ${bytes.toLocaleString("en")} bytes before this are left out`, class: "c-faint" }] }, newLine());
  }

  #take(token, args, final) {
    if (token === "\n" || token === "\r\n") {
      if (!this.lines.length) this.lines.push(newLine());
      this.lines.push(newLine());
    } else if (token === "\r") {
      // A progress bar begins its line again.
      if (this.lines.length) this.#replaceLast(newLine());
    } else if (token[0] === "\u001b") {
      if (final === "m") restyle(this.style, args);
      else if (final === "K" && this.lines.length && args === "2") this.#replaceLast(newLine());
    } else {
      this.#append(visible(token));
    }
  }

  #replaceLast(line) {
    this.lines[this.lines.length - 1] = line;
  }

  #append(text) {
    if (!this.lines.length) this.lines.push(newLine());
    const line = this.lines[this.lines.length - 1];
    const room = LINE_LENGTH - line.length;
    if (room <= 0) return;
    const piece = { text: text.length > room ? `${text.slice(0, room)}…` : text, class: classOf(this.style) };
    this.#replaceLast({ length: line.length + text.length, pieces: joined(line.pieces, piece) });
  }
}

/** The whole of a line as plain text. */
export function plain(line) {
  return line.pieces.map((piece) => piece.text).join("");
}

function newLine() {
  return { length: 0, pieces: [] };
}

function joined(pieces, piece) {
  const last = pieces[pieces.length - 1];
  if (last && last.class === piece.class) {
    return [...pieces.slice(0, -1), { text: last.text + piece.text, class: last.class }];
  }
  return [...pieces, piece];
}

function classOf(style) {
  const names = [];
  if (style.colour) names.push(`c-${style.colour}`);
  for (const name of ["bold", "faint", "italic", "underline"]) if (style[name]) names.push(`c-${name}`);
  return names.join(" ");
}

function restyle(style, args) {
  const codes = (args || "0").split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) Object.assign(style, { colour: "", bold: false, faint: false, italic: false, underline: false });
    else if (code === 1) style.bold = true;
    else if (code === 2) style.faint = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) style.bold = style.faint = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 39) style.colour = "";
    else if (code >= 30 && code <= 37) style.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) style.colour = COLOURS[code - 90];
    else if (code === 38 || code === 48) at += codes[at + 1] === 5 ? 2 : 4;
  }
}
