// The newest messages of each room that was visited, kept on this device: they are shown
// at once, and when there is no network at all.

import { messageOf, written } from "./message.js";
import { isObject, count } from "./json.js";
import type { Platform } from "./platform.js";
import { parseEvents } from "./protocol.js";
import type { RoomState } from "./state.js";
import type { Window } from "./window.js";

const prefix = "kept/";
const most = 50;
const delay = 1_000;

export interface Kept {
  readonly page: { readonly floor: number };
  readonly window: Window;
}

export class Keeper {
  private due: RoomState | null = null;
  private written = ""; // the room that was written last
  private timer: (() => void) | null = null;

  constructor(private readonly platform: Platform) {}

  async get(room: string): Promise<Kept | null> {
    const v = await this.platform.storage.get(prefix + room);
    const events = isObject(v) ? parseEvents(v.events) : null;
    const first = events?.[0];
    const last = events?.at(-1);
    if (!isObject(v) || !events || !first || !last) return null;
    return { page: { floor: count(v.floor) ?? 1 }, window: { rows: events.map(messageOf), first: first.offset, last: last.offset } };
  }

  // keep writes the room down in a moment, if it is one that is worth it; at once what is
  // the first of it, since who goes right away is to find it again.
  keep(state: RoomState): void {
    if (!state.loaded || state.kept || state.stale || !state.attached || state.window === this.due?.window) return;
    if (this.due && this.due.room !== state.room) this.flush();
    this.due = state;
    if (this.written === state.room) this.timer ??= this.platform.timer(delay, () => this.flush());
    else this.flush();
  }

  flush(): void {
    this.timer?.();
    this.timer = null;
    const { due } = this;
    this.due = null;
    if (!due) return;
    this.written = due.room;
    const messages = due.window.rows.filter((r) => r.kind === "message").slice(-most);
    void this.platform.storage.put(prefix + due.room, { floor: due.floor, events: messages.map(written) });
  }

  forget(room: string): void {
    if (this.due?.room === room) this.due = null;
    void this.platform.storage.delete(prefix + room);
  }
}
