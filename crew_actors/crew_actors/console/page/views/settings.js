// What a person can choose, and what there is to know of the server.

import { ago } from "../format.js";
import { html, useHouse, useNow, useState } from "../ui.js";

export function Settings() {
  const house = useHouse();
  const { prefs, session } = house;
  const [values, setValues] = useState(prefs.values);
  const set = (name, value) => {
    prefs.set(name, value);
    setValues(prefs.values);
  };
  const notify = async () => {
    if (values.notify) return set("notify", false);
    if (!("Notification" in window)) return house.tell("This browser has no notifications.", "bad");
    const leave = await Notification.requestPermission();
    if (leave === "granted") set("notify", true);
    else house.tell("The browser does not allow notifications for this page.", "bad");
    return undefined;
  };
  return html`<section class="view settings">
    <div class="head"><h1>Settings</h1></div>
    <${Choice} title="Theme" name="theme" values=${values} set=${set} choices=${[["system", "As the system"], ["light", "Light"], ["dark", "Dark"]]} />
    <${Choice} title="Density" name="density" values=${values} set=${set} choices=${[["cosy", "Cosy"], ["dense", "Dense"]]} />
    <${Choice} title="Motion" name="motion" values=${values} set=${set} choices=${[["system", "As the system"], ["reduced", "None"]]} />
    <div class="setting"><span id="notify-name">Notifications</span><label class="check"><input type="checkbox" checked=${values.notify} onClick=${(event) => { event.preventDefault(); notify(); }} /> when an agent asks, a plan waits or a run ends, while this page is in the background</label></div>
    <h2>Connection</h2>
    <${Server} session=${session} />
  </section>`;
}

function Choice({ title, name, values, set, choices }) {
  return html`<div class="setting"><span id=${`${name}-name`}>${title}</span><div class="choice" role="group" aria-labelledby=${`${name}-name`}>
    ${choices.map(([value, text]) => html`<button key=${value} type="button" aria-pressed=${String(values[name] === value)} onClick=${() => set(name, value)}>${text}</button>`)}
  </div></div>`;
}

function Server({ session }) {
  const now = useNow(true);
  const { role, server, actions } = session.hello;
  const open = Object.values(actions).filter((one) => role === "operator" || one.role === "viewer").length;
  return html`<dl class="pairs">
    <div><dt>Role</dt><dd>${role}${role === "viewer" ? ": you may look, and change nothing" : ": you may do all that can be done here"}</dd></div>
    <div><dt>Actions</dt><dd>${open} of ${Object.keys(actions).length}</dd></div>
    <div><dt>Project</dt><dd class="mono">${server.project}</dd></div>
    <div><dt>Server</dt><dd>crew ${server.version}, process ${server.pid}, started ${ago(server.started_at, now)}</dd></div>
    <div><dt>Protocol</dt><dd><a href="schema.json" target="_blank" rel="noopener">${session.hello.version}</a></dd></div>
  </dl>`;
}
