// The connection, in words: the state in the bar, the countdown over the input, the
// button that closes and opens.

import type { Room } from "../client/room.js";
import type { Connection, RoomState } from "../client/state.js";
import { byID, setText } from "./dom.js";
import { count, t } from "./i18n.js";

// Less isn't worth a countdown: it would be gone before it is read.
const shortWait = 700;

export class Status {
  private readonly state = byID("state", HTMLElement);
  private readonly people = byID("people", HTMLElement);
  private readonly toggle = byID("toggle", HTMLButtonElement);
  private readonly retry = byID("retry", HTMLElement);
  private readonly retryIn = byID("retry-in", HTMLElement);
  private ticking: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly room: Room) {
    this.toggle.addEventListener("click", () => this.flip());
    byID("retry-now", HTMLButtonElement).addEventListener("click", () => room.reconnectNow());
    this.toggle.hidden = this.state.hidden = false;
  }

  render(state: RoomState): void {
    const { connection, people } = state;
    this.state.dataset.state = connection.kind;
    setText(this.state, words(connection));
    this.people.hidden = people === null;
    if (people !== null) setText(this.people, count("people", people));
    setText(this.toggle, t(connection.kind === "offline" ? "room.open" : "room.close"));
    this.countDown(connection);
  }

  private flip(): void {
    if (this.room.state.connection.kind === "offline") this.room.open();
    else this.room.close();
  }

  // countDown shows the seconds that are left, and looks again while there are some.
  private countDown(connection: Connection): void {
    clearInterval(this.ticking);
    this.retry.hidden = connection.kind !== "reconnecting" || connection.at - Date.now() < shortWait;
    if (connection.kind !== "reconnecting") return;
    const show = () => setText(this.retryIn, t("retry.in", Math.max(0, Math.ceil((connection.at - Date.now()) / 1000))));
    show();
    this.ticking = setInterval(show, 250);
  }
}

function words(connection: Connection): string {
  if (connection.kind === "offline" && connection.why === "refused") return t("state.refused");
  return t(`state.${connection.kind}`);
}
