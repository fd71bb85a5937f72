// How things are written for people. Pure: no clock, no document.

const SEEN_AS_CODES =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
const HAS_CODES = new RegExp(SEEN_AS_CODES.source, "u");

/** Write *text* so that each character that cannot be seen, or that turns the text around, is shown as its code. Line ends and tabs stay. */
export function visible(text) {
  if (!HAS_CODES.test(text)) return text;
  return text.replace(SEEN_AS_CODES, (char) => {
    if (char === "\r") return "";
    return `‹${char.codePointAt(0).toString(16).toUpperCase().padStart(2, "0")}›`;
  });
}

/** Write a number of seconds, as `8.2 s`, `3 m 20 s`, `2 h 5 m`, `3 d 4 h`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "";
  const whole = Math.max(0, seconds);
  if (whole < 10) return `${whole.toFixed(1)} s`;
  const rounded = Math.floor(whole);
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return `${Math.floor(rounded / 60)} m ${pad(rounded % 60)} s`;
  const hours = Math.floor(rounded / 3600);
  if (hours < 48) return `${hours} h ${pad(Math.floor((rounded % 3600) / 60))} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Write how long ago a moment was. */
export function ago(moment, now) {
  if (moment === null || moment === undefined) return "";
  const seconds = now - moment;
  if (seconds < 5) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** Write a moment as the time of day, with its date if it is another day than *now*. */
export function moment(at, now) {
  if (at === null || at === undefined) return "";
  const when = new Date(at * 1000);
  const today = new Date(now * 1000);
  const time = `${pad(when.getHours())}:${pad(when.getMinutes())}:${pad(when.getSeconds())}`;
  if (when.toDateString() === today.toDateString()) return time;
  return `${when.getFullYear()}-${pad(when.getMonth() + 1)}-${pad(when.getDate())} ${time}`;
}

/** Write a large number shortly: 950, 1.2 k, 34 k, 1.2 M. */
export function short(number) {
  if (number === null || number === undefined) return "–";
  const size = Math.abs(number);
  if (size < 1000) return Number.isInteger(number) ? String(number) : number.toFixed(size < 10 ? 2 : 1);
  for (const [factor, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= factor) {
      const scaled = number / factor;
      return `${scaled.toFixed(Math.abs(scaled) < 10 ? 1 : 0)} ${letter}`;
    }
  }
  return String(number);
}

/** Write a number of bytes. */
export function bytes(number) {
  if (number < 1024) return `${number} B`;
  for (const [power, unit] of [[3, "GiB"], [2, "MiB"], [1, "KiB"]]) {
    const scaled = number / 1024 ** power;
    if (scaled >= 1) return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${unit}`;
  }
  return `${number} B`;
}

/** Write a cost. */
export function money(cost) {
  if (!cost) return "";
  return `$${cost < 1 ? cost.toFixed(3) : cost.toFixed(2)}`;
}

/** Write what was used: tokens in and out, and the cost if there is one. */
export function usage(used) {
  if (!used || (!used.input && !used.output && !used.cost)) return "";
  const cost = money(used.cost);
  return `${short(used.input)} in · ${short(used.output)} out${cost && ` · ${cost}`}`;
}

/** Tokens in all. */
export function tokens(used) {
  return used ? (used.input || 0) + (used.output || 0) : 0;
}

/** Write a status or a kind as words. */
export function words(name) {
  return String(name ?? "").replaceAll("_", " ");
}

/** Write *count* things, as `1 task`, `3 tasks`. */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Write a value with its unit, as metrics have them. */
export function measured(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "bytes") return bytes(Math.round(value));
  if (unit === "seconds" || unit === "s") return value < 1 ? `${(value * 1000).toFixed(value < 0.01 ? 2 : 0)} ms` : duration(value);
  if (unit === "ratio") return `${(value * 100).toFixed(1)} %`;
  return short(value);
}

// eslint-disable-next-line no-control-regex
const COLOURS = /\u001b\[[0-9;:]*m/g;

/** The first line of *text* without the colours of a terminal, cut to *most* characters. */
export function headline(text, most = 200) {
  const line = String(text ?? "").replace(COLOURS, "").trim().split("\n", 1)[0];
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

function pad(number) {
  return String(number).padStart(2, "0");
}
