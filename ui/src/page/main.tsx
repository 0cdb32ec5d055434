// app.js: the one script of every page.

import { lobby } from "./lobby.js";
import { register } from "./offline.js";
import { room } from "./room.js";

switch (document.body.dataset.page) {
  case "room":
    afterPaint(room);
    break;
  case "lobby":
    lobby();
    break;
}
register();

// afterPaint lets the server's page be seen first, with what was said last in it.
function afterPaint(start: () => void): void {
  let started = false;
  const once = () => {
    if (!started) start();
    started = true;
  };
  requestAnimationFrame(() => setTimeout(once));
  setTimeout(once, 100); // a hidden page paints nothing
}
