// How far I have read: in the open room the mark follows what is seen, and is told to the
// server, not more often than every two seconds.

import type { Platform } from "./platform.js";
import type { ClientFrame, Level } from "./protocol.js";
import type { Room } from "./room.js";
import type { Rooms } from "./rooms.js";

const interval = 2_000;

export interface MarksOptions {
  readonly platform: Platform;
  readonly rooms: Rooms;
  readonly send: (frame: ClientFrame) => boolean; // false when not online: it is kept for later
}

export class Marks {
  private room: Room | null = null;
  private known = false; // how far I had read when I came
  private eyes = false;
  private readonly wanted = new Map<string, number>(); // by room
  private timer: (() => void) | null = null;

  constructor(private readonly o: MarksOptions) {}

  // visible tells whether the page is before somebody's eyes.
  get visible(): boolean {
    return this.eyes;
  }

  // isSeen tells whether the open room's end is.
  get isSeen(): boolean {
    const s = this.room?.state;
    return s !== undefined && s.visible && s.atEnd && s.attached && !s.stale;
  }

  // enter turns to another room. atEnd: it is shown from its end.
  enter(room: Room, atEnd: boolean): void {
    this.room = room;
    this.known = false;
    room.dispatch({ type: "seen", visible: this.eyes, atEnd });
  }

  seen(visible: boolean, atEnd: boolean): void {
    this.eyes = visible;
    this.room?.dispatch({ type: "seen", visible, atEnd });
    this.move();
  }

  // found is told how far I had read. unread: there is some by others past it, seen or not.
  found(read: number, unread: boolean, level?: Level): void {
    const { room } = this;
    if (!room) return;
    this.known = true;
    const { window, cursor, head, floor, me } = room.state;
    const above = unread && window.first > read + 1;
    const shown = window.rows.some((r) => r.kind === "message" && r.offset > read && !r.deleted && r.author.id !== me);
    this.o.rooms.opened(room.name, { head, floor, epoch: cursor?.epoch ?? "" }, read, level);
    room.dispatch({ type: "mark", read, unread: above || shown });
    this.move();
  }

  // look finds it in the list of my rooms, once both are there. A room that isn't in it is
  // new to me: it begins at its head, and is mine from now on.
  look(): void {
    const { room } = this;
    if (!room || this.known || room.state.stale || !this.o.rooms.loaded) return;
    const entry = this.o.rooms.get(room.name);
    const { head } = room.state;
    this.found(entry?.read ?? head, (entry?.unread ?? 0) > 0);
    if (!entry) this.tell(room.name, head);
  }

  // move moves the mark to the newest that is seen.
  move(): void {
    const { room } = this;
    if (!room || !this.known || !this.isSeen) return;
    const head = room.state.cursor?.after ?? 0;
    if (head <= room.state.read) return;
    room.dispatch({ type: "read", offset: head });
    this.o.rooms.read(room.name, head);
    this.tell(room.name, head);
  }

  // flush tells the server at once.
  flush(): void {
    this.timer?.();
    this.timer = null;
    for (const [room, offset] of this.wanted) if (this.o.send({ type: "read", room, offset })) this.wanted.delete(room);
  }

  private tell(room: string, offset: number): void {
    this.wanted.set(room, offset);
    this.timer ??= this.o.platform.timer(interval, () => this.flush());
  }
}
