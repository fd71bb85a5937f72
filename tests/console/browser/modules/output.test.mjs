import assert from "node:assert/strict";
import { test } from "node:test";
import { LINE_LENGTH, OutputBuffer, plain } from "../../../../crew_actors/crew_actors/console/page/output.js";

const fed = (...pieces) => {
  const buffer = new OutputBuffer();
  for (const piece of pieces) buffer.feed(piece);
  return buffer;
};
const lines = (buffer) => buffer.lines.map(plain);

test("lines are the same however the text is cut", () => {
  const text = "one\r\ntwo \u001b[1;31mred\u001b[0m\n\n\u001b]0;title\u0007end\u001b[38;5;12mx";
  const whole = fed(text);
  for (let cut = 1; cut < text.length; cut += 1) {
    assert.deepEqual(fed(text.slice(0, cut), text.slice(cut)).lines, whole.lines, `cut at ${cut}`);
  }
  assert.deepEqual(lines(whole), ["one", "two red", "", "endx"]);
});

test("colours become classes from a closed list, and nothing else does", () => {
  const [line] = fed('\u001b[31;1mred\u001b[39mbold\u001b[0m\u001b[999m\u001b[3;4mx<b class="y">').lines;
  assert.deepEqual(line.pieces.map((one) => one.class), ["c-red c-bold", "c-bold", "c-italic c-underline"]);
  assert.equal(line.pieces[2].text, 'x<b class="y">');
});

test("a line that is begun again replaces what it was; other escapes go, other signs are shown", () => {
  assert.deepEqual(lines(fed("10 %\r20 %\r", "100 %\n")), ["100 %", ""]);
  assert.deepEqual(lines(fed("a\u001b[2J\u001b[10;5Hb\u001bPq#0\u001b\\c\u0007\u202e")), ["abc‹07›‹202E›"]);
});

test("an escape that never ends holds up nothing for long", () => {
  const buffer = fed(`a\u001b]${"x".repeat(5000)}`, "\nnext\n");
  assert.ok(lines(buffer).includes("next"));
});

test("the newest lines are kept, and a line has a most", () => {
  const buffer = new OutputBuffer(10);
  for (let number = 0; number < 50; number += 1) buffer.feed(`${number}\n`);
  assert.equal(buffer.lines.length, 10);
  assert.equal(buffer.first + buffer.lines.length, buffer.end);
  assert.equal(plain(buffer.lines[8]), "49");
  const long = fed("y".repeat(3 * LINE_LENGTH), "z".repeat(10));
  assert.equal(plain(long.lines[0]).length, LINE_LENGTH + 1);
});

test("lines are counted as a person counts them", () => {
  const buffer = new OutputBuffer();
  assert.equal(buffer.count, 0);
  buffer.feed("one\ntwo\n");
  assert.equal(buffer.count, 2);
  buffer.feed("thr");
  assert.equal(buffer.count, 3);
});
