// app.js: the one script of every page.

import { lobby } from "./lobby.js";
import { register } from "./offline.js";
import { room } from "./room.js";

switch (document.body.dataset.page) {
  case "room":
    room();
    break;
  case "lobby":
    lobby();
    break;
}
register();
