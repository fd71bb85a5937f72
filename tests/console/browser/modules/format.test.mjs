import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../../../crew_actors/crew_actors/console/page/format.js";

test("what cannot be seen is shown as its code; line ends and tabs stay", () => {
  assert.equal(format.visible("a\tb\nc"), "a\tb\nc");
  assert.equal(format.visible("a\r\nb"), "a\nb");
  assert.equal(format.visible("x\u202ey\u0007\u001b[0m\u200b"), "x‹202E›y‹07›‹1B›[0m‹200B›");
  assert.equal(format.visible("\u{e0041}\u2028\ufeff\u0085"), "‹E0041›‹2028›‹FEFF›‹85›");
  assert.equal(format.visible("ünïcødé 漢字 🙂"), "ünïcødé 漢字 🙂");
});

test("durations are written in the units that matter", () => {
  const written = [0, 8.24, 59.9, 60, 200, 3600, 7500, 200_000, -5, null].map(format.duration);
  assert.deepEqual(written, ["0.0 s", "8.2 s", "59 s", "1 m 00 s", "3 m 20 s", "1 h 00 m", "2 h 05 m", "2 d 7 h", "0.0 s", ""]);
});

test("ages are written roughly", () => {
  assert.deepEqual([2, 30, 90, 7200, 400_000].map((age) => format.ago(1e6 - age, 1e6)), ["now", "30 s ago", "1 m ago", "2 h ago", "4 d ago"]);
  assert.equal(format.ago(null, 1), "");
});

test("numbers and bytes are short", () => {
  assert.deepEqual([0, 7, 999, 1000, 12_345, 1_234_567, 2e9].map(format.short), ["0", "7", "999", "1.0 k", "12 k", "1.2 M", "2.0 G"]);
  assert.deepEqual([0, 1023, 1024, 1.5 * 2 ** 20].map(format.bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]);
  assert.equal(format.measured(0.0004, "seconds"), "0.40 ms");
  assert.equal(format.measured(null, "bytes"), "–");
});

test("usage is empty if nothing was used", () => {
  assert.equal(format.usage({ input: 0, output: 0, cost: 0 }), "");
  assert.equal(format.usage({ input: 1200, output: 30, cost: 0.5 }), "1.2 k in · 30 out · $0.500");
});

test("a headline is one line without colours", () => {
  assert.equal(format.headline("\u001b[31mred\u001b[0m\nmore"), "red");
  assert.equal(format.headline("abcdef", 4), "abc…");
});
