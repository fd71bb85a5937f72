// The summary of a run, and texts that agents have written.

import { Empty, html, useAnswer } from "../ui.js";

export function Summary({ run, seq }) {
  const answer = useAnswer("summary", { run }, [seq]);
  if (answer.error) return html`<${Empty} title="There is no summary">${answer.error.message}<//>`;
  if (answer.loading) return html`<div class="loading" aria-busy="true"></div>`;
  return html`<article class="prose" aria-label="Summary"><${Prose} text=${answer.result.text} /></article>`;
}

/** Read headings, lists, quotes, rules and code out of *text*: `[{kind, text | items}]`. Pure; nothing in it becomes markup. */
export function blocksOf(text) {
  const blocks = [];
  let code = null;
  for (const line of text.split("\n")) {
    const last = blocks[blocks.length - 1];
    const heading = /^(#{1,4})\s+(.*)$/.exec(line);
    const item = /^\s*(?:[-*]|\d+[.)])\s+(.*)$/.exec(line);
    if (code) {
      if (line.startsWith("```")) code = null;
      else code.text += `${line}\n`;
    } else if (line.startsWith("```")) blocks.push((code = { kind: "code", text: "" }));
    else if (heading) blocks.push({ kind: `h${heading[1].length + 1}`, text: heading[2] });
    else if (item && last?.kind === "list") last.items.push(item[1]);
    else if (item) blocks.push({ kind: "list", items: [item[1]] });
    else if (line.startsWith("|")) last?.kind === "code" && last.table ? (last.text += `${line}\n`) : blocks.push({ kind: "code", table: true, text: `${line}\n` });
    else if (!line.trim()) blocks.push({ kind: "gap" });
    else if (last?.kind === "p") last.text += `\n${line}`;
    else blocks.push({ kind: "p", text: line });
  }
  return blocks.filter((block) => block.kind !== "gap");
}

/** Show text as its writer meant it, as far as a few signs tell. */
export function Prose({ text }) {
  return blocksOf(text).map((block, key) => {
    if (block.kind === "list") return html`<ul key=${key}>${block.items.map((item, place) => html`<li key=${place}>${marked(item)}</li>`)}</ul>`;
    if (block.kind === "code") return html`<pre key=${key} tabindex="0">${block.text}</pre>`;
    if (block.kind === "p") return html`<p key=${key}>${marked(block.text)}</p>`;
    return html`<${block.kind} key=${key}>${marked(block.text)}<//>`;
  });
}

function marked(text) {
  return text.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/).map((part, place) => {
    if (/^`.+`$/.test(part)) return html`<code key=${place}>${part.slice(1, -1)}</code>`;
    if (/^\*\*.+\*\*$/.test(part)) return html`<strong key=${place}>${part.slice(2, -2)}</strong>`;
    return part;
  });
}
