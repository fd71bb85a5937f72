// The page begins here: the token, the person's choices, the frame around the views.

import { bindings } from "./bindings.js";
import { HouseKeeper, takeToken } from "./house.js";
import { listen } from "./keys.js";
import { Prefs } from "./prefs.js";
import { placeOf, tokenOf } from "./router.js";
import { h, render } from "./ui.js";
import { Shell } from "./views/shell.js";

const AWAY = 30_000;

function begin() {
  const root = document.getElementById("app");
  root.replaceChildren();
  let scheduled = false;
  const draw = () => {
    scheduled = false;
    render(h(Shell, { keeper, house: keeper.value }), root);
  };
  const changed = () => {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(draw);
  };
  const keeper = new HouseKeeper({ token: takeToken(), prefs: new Prefs(), changed });
  addEventListener("hashchange", () => {
    if (tokenOf(location.hash)) {
      keeper.open(takeToken());
    }
    keeper.place = placeOf(location.hash);
    keeper.dialog = null;
    changed();
  });
  listen(document, () => (document.querySelector("dialog[open]") ? [] : bindings()));
  watchOverConnection(keeper);
  draw();
}

/** Look after the connection when the machine has slept or the network has come back. */
function watchOverConnection(keeper) {
  let hidden = 0;
  addEventListener("online", () => keeper.connection.probe());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hidden = Date.now();
    else if (Date.now() - hidden > AWAY) keeper.connection.probe();
  });
}

begin();
