// The rooms that are mine: those that I have a read mark in, with what is unread there.
// The list is the server's; between two looks at it, live events count it up.

import { mentions } from "./body.js";
import { messageOf, type Message } from "./message.js";
import type { Platform } from "./platform.js";
import { parseMyRooms, type Author, type ClientFrame, type Level, type MyRoom, type Position, type RoomEvent } from "./protocol.js";
import type { URLs } from "./urls.js";

// So many other rooms are listened to, the most recent ones.
const maxFollowed = 20;
// More than so much behind, a room is followed from its head: who was away for long gets
// a count, not a hundred notices.
const maxBehind = 100;
const most = 100; // unread; as the server counts
const refreshEvery = 30_000; // where no room but the open one is heard of, or there was no answer
const refreshSoon = 1_000;

export interface RoomEntry {
  readonly room: string;
  readonly unread: number; // 100: that many or more
  readonly mentioned: boolean;
  readonly level: Level;
  readonly last: number; // when its newest message was written, ms; 0: none yet
  readonly head: number;
  readonly read: number;
}

interface Entry extends RoomEntry {
  readonly epoch: string;
  readonly heard: number; // the last event that was looked at
}

// Something worth a notification: by somebody else, as the room's level allows, and not
// in the open room while its end is seen.
export interface Notice {
  readonly room: string;
  readonly message: Message;
  readonly mention: boolean;
}

export interface RoomsOptions {
  readonly platform: Platform;
  readonly urls: URLs;
  readonly ref: () => number;
  readonly send: (frame: ClientFrame) => boolean;
  readonly me: () => Author | null;
  readonly isOpen: (room: string) => boolean;
  readonly isSeen: (room: string) => boolean; // open, and its end before somebody's eyes
  readonly visible: () => boolean;
  readonly changed: () => void;
  readonly notice: (notice: Notice) => void;
}

export class Rooms {
  private entries = new Map<string, Entry>();
  private sorted: readonly RoomEntry[] = [];
  private readonly followed = new Set<string>();
  private everywhere = false; // connected in a way that brings other rooms, too
  private cancelRefresh: (() => void) | null = null;
  private refreshes = 0;
  private known = false;

  constructor(private readonly o: RoomsOptions) {}

  get list(): readonly RoomEntry[] {
    return this.sorted;
  }

  // loaded tells whether the list is the server's, so that a room that isn't in it is new.
  get loaded(): boolean {
    return this.known;
  }

  get(room: string): RoomEntry | null {
    return this.entries.get(room) ?? null;
  }

  // restore shows what this device remembers, until the server has answered.
  restore(rooms: readonly MyRoom[]): void {
    if (this.known) return;
    for (const r of rooms) if (!this.entries.has(r.room)) this.entries.set(r.room, { ...r, mentioned: false, heard: r.head });
    this.told();
  }

  // stored is the list as restore takes it.
  stored(): readonly MyRoom[] {
    return [...this.entries.values()].map(({ room, epoch, head, read, unread, level, last }) => ({ room, epoch, head, read, unread, level, last }));
  }

  connected(everywhere: boolean): void {
    this.everywhere = everywhere;
    this.followed.clear();
    void this.refresh();
  }

  disconnected(): void {
    this.everywhere = false;
    this.followed.clear();
    this.cancelRefresh?.();
    this.cancelRefresh = null;
  }

  async refresh(): Promise<void> {
    const id = ++this.refreshes;
    this.cancelRefresh?.();
    this.cancelRefresh = null;
    const list = await this.fetch();
    if (id !== this.refreshes) return;
    if (list) this.take(list);
    this.follow();
    if (!list || !this.everywhere) this.refreshIn(refreshEvery * (0.75 + this.o.platform.random() / 2));
  }

  // opened makes sure that the open room has its place in the list. It is followed as the
  // open one from now on.
  opened(room: string, position: Position, read: number, level: Level = "all"): void {
    this.followed.delete(room);
    const { head, epoch } = position;
    const was = this.entries.get(room);
    if (!was) this.put({ room, unread: 0, mentioned: false, level, last: 0, head, read, epoch, heard: head });
    else if (was.epoch !== epoch) this.put({ ...was, head, read, epoch, heard: head });
  }

  // closed goes on listening to a room that was open, without being in it.
  closed(room: string): void {
    if (!this.join(room)) this.o.send({ type: "leave", ref: this.o.ref(), room });
  }

  // events counts what came live. What the list had counted already is looked at for
  // mentions only.
  events(room: string, events: readonly RoomEvent[]): void {
    const was = this.entries.get(room);
    const fresh = was ? events.filter((e) => e.offset > was.heard) : [];
    const newest = fresh.at(-1);
    if (!was || !newest) return;
    const me = this.o.me();
    const posted = fresh.filter((e) => e.type === "message.posted" && !e.deleted);
    const theirs = posted.filter((e) => e.author.id !== me?.id);
    const called = me ? theirs.filter((e) => mentions(e.body ?? e.text ?? "", me.name)) : [];
    const seen = this.o.isSeen(room);
    const counted = theirs.filter((e) => e.offset > was.head && e.offset > was.read).length;
    this.put({
      ...was,
      heard: newest.offset,
      head: Math.max(was.head, newest.offset),
      unread: seen ? 0 : Math.min(most, was.unread + counted),
      mentioned: !seen && (was.mentioned || called.some((e) => e.offset > was.read)),
      last: Math.max(was.last, Date.parse(posted.at(-1)?.time ?? "") || 0),
    });
    if (!seen) this.notify(was, theirs, called);
  }

  // reset is told where a room's log stands after its cursor couldn't be served.
  reset(room: string, { head, epoch }: Position): void {
    const was = this.entries.get(room);
    if (was) this.put({ ...was, head, epoch, heard: head });
    this.refreshIn(refreshSoon);
  }

  // read tells that a mark has moved, here or in another tab.
  read(room: string, offset: number, level?: Level): void {
    const was = this.entries.get(room);
    if (!was) {
      if (this.known) this.refreshIn(refreshSoon);
      return;
    }
    const read = Math.max(was.read, offset);
    const all = read >= was.head;
    this.put({ ...was, read, level: level ?? was.level, ...(all && { unread: 0, mentioned: false }) });
    // How many are left past it only the server knows.
    if (!all && read > was.read) this.refreshIn(refreshSoon);
  }

  // level sets when I want to be told of a room.
  level(room: string, level: Level): void {
    const was = this.entries.get(room);
    if (was) this.put({ ...was, level });
    void this.ask(room, { method: "PUT", body: JSON.stringify({ level }) });
  }

  // forget takes a room off the list.
  forget(room: string): void {
    this.entries.delete(room);
    if (this.followed.delete(room)) this.o.send({ type: "leave", ref: this.o.ref(), room });
    this.told();
    void this.ask(room, { method: "DELETE" });
  }

  private async ask(room: string, request: { method: "PUT" | "DELETE"; body?: string }): Promise<void> {
    try {
      const { status } = await this.o.platform.fetch(this.o.urls.myRoom(room), request);
      if (status >= 300) this.refreshIn(refreshSoon); // what the server says stands
    } catch {
      this.refreshIn(refreshSoon);
    }
  }

  private async fetch(): Promise<readonly MyRoom[] | null> {
    try {
      const { status, body } = await this.o.platform.fetch(this.o.urls.myRooms());
      return status === 200 ? parseMyRooms(body) : null;
    } catch {
      return null;
    }
  }

  private take(list: readonly MyRoom[]): void {
    const entries = new Map<string, Entry>();
    for (const r of list) entries.set(r.room, this.merged(r));
    // The open room is mine once something in it was read; until then it is there as well.
    for (const [room, was] of this.entries) if (!entries.has(room) && this.o.isOpen(room)) entries.set(room, was);
    this.entries = entries;
    this.known = true;
    this.told();
  }

  // merged is the server's entry, unless more has been heard here than it knew.
  private merged(r: MyRoom): Entry {
    const was = this.entries.get(r.room);
    if (!was || was.epoch !== r.epoch) return { ...r, mentioned: false, heard: r.head };
    const heard = r.head - was.heard > maxBehind ? r.head : was.heard;
    if (was.head > r.head) return { ...was, level: r.level, heard };
    const read = Math.max(was.read, r.read);
    const unread = read >= r.head ? 0 : r.unread;
    return { ...r, read, unread, mentioned: was.mentioned && unread > 0, heard };
  }

  // follow listens to the most recent rooms from where they were last heard.
  private follow(): void {
    if (!this.everywhere) return;
    for (const { room } of this.sorted.slice(0, maxFollowed + 1)) {
      if (!this.followed.has(room) && !this.o.isOpen(room)) this.join(room);
    }
  }

  private join(room: string): boolean {
    const entry = this.entries.get(room);
    if (!entry || !this.everywhere || this.followed.size >= maxFollowed) return false;
    const { heard: after, epoch } = entry;
    if (!this.o.send({ type: "join", ref: this.o.ref(), room, after, epoch, quiet: true })) return false;
    this.followed.add(room);
    return true;
  }

  // notify tells the newest of what came together; one that calls me goes before others.
  private notify({ room, level }: Entry, theirs: readonly RoomEvent[], called: readonly RoomEvent[]): void {
    const mention = called.at(-1);
    const event = mention ?? (level === "all" ? theirs.at(-1) : undefined);
    if (event && level !== "none") this.o.notice({ room, message: messageOf(event), mention: mention !== undefined });
  }

  private refreshIn(ms: number): void {
    if (this.cancelRefresh && ms > refreshSoon) return;
    this.cancelRefresh?.();
    this.cancelRefresh = this.o.platform.timer(ms, () => {
      this.cancelRefresh = null;
      // In a hidden page nobody reads it: the next look brings it up to date.
      if (this.everywhere || this.o.visible()) void this.refresh();
      else this.refreshIn(refreshEvery);
    });
  }

  private put(entry: Entry): void {
    this.entries.set(entry.room, entry);
    this.told();
  }

  private told(): void {
    this.sorted = [...this.entries.values()].sort((a, b) => b.last - a.last || (a.room < b.room ? -1 : 1));
    this.o.changed();
  }
}
