// The form of any action of the server, made from the schema that it publishes.

import { Act, html, useEffect, useHouse, useState } from "../ui.js";

export function ActionForm({ action, values: given }) {
  const house = useHouse();
  const [method, setMethod] = useState(null);
  const [values, setValues] = useState({});
  const [answer, setAnswer] = useState(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    house.methods().then((methods) => {
      const found = methods[action];
      setMethod(found);
      setValues(Object.fromEntries(Object.entries(given).filter(([name]) => found.params.properties[name])));
    }, (error) => setAnswer({ error: `The schema of the server cannot be read: ${error.message}` }));
  }, [action]);
  const send = async (event) => {
    event?.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      setAnswer({ result: await house.connection.call(action, values) });
    } catch (error) {
      setAnswer({ error: error.message });
    }
    setBusy(false);
  };
  if (!method) return html`<h2>${action}</h2>${answer ? html`<p class="bad">${answer.error}</p>` : html`<div class="loading" aria-busy="true"></div>`}`;
  const names = Object.keys(method.params.properties);
  return html`<form onSubmit=${send}>
    <h2>${action}</h2><p>${method.summary}</p>
    <div class="action-fields">${names.map((name, place) => html`<${Field} key=${name} name=${name} schema=${method.params.properties[name]} required=${method.params.required.includes(name)} value=${values[name]} set=${(value) => setValues({ ...values, [name]: value })} first=${place === 0} />`)}</div>
    <div aria-live="polite">${answer ? html`<${Answer} answer=${answer} />` : null}</div>
    <div class="dialog-foot">
      <button type="button" class="button" data-first=${names.length === 0} onClick=${() => house.close()}>Close</button>
      <${Act} action=${action} class="primary" onPress=${() => send()}>${busy ? "Asking" : action}<//>
    </div>
  </form>`;
}

function Field({ name, schema, required, value, set, first }) {
  const title = `${name.replaceAll("_", " ")}${required ? " (needed)" : ""}`;
  const types = [schema.type].flat();
  if (types.includes("boolean")) return html`<label class="check"><input type="checkbox" checked=${Boolean(value)} onChange=${(event) => set(event.target.checked)} /> ${title}<span class="sub">${schema.description}</span></label>`;
  if (schema.enum) {
    return html`<label class="field"><span>${title}</span><select value=${value ?? ""} onChange=${(event) => set(event.target.value)}>${schema.enum.filter((one) => one !== null).map((one) => html`<option key=${one} value=${one}>${one || "not given"}</option>`)}</select><span class="sub">${schema.description}</span></label>`;
  }
  return html`<label class="field"><span>${title}</span><input type="text" data-first=${first || null} inputmode=${types.includes("number") || types.includes("integer") ? "decimal" : null} required=${required} value=${value ?? ""} onInput=${(event) => set(event.target.value)} /><span class="sub">${schema.description}</span></label>`;
}

function Answer({ answer }) {
  if (answer.error) return html`<p class="bad answer-text">${answer.error}</p>`;
  return html`<pre class="block answer" tabindex="0" aria-label="Answer">${JSON.stringify(answer.result, null, 2)}</pre>`;
}
