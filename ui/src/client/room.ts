// The open room: its state, and what has to be read from the server for it.

import { Unavailable } from "./connection.js";
import { Keeper } from "./kept.js";
import type { Platform } from "./platform.js";
import { pageOf, parsePage, parseProblem, type Author, type EventsPage, type Position, type RoomEvent } from "./protocol.js";
import { Quotes } from "./quotes.js";
import { entering, reduce, type Action, type RoomState } from "./state.js";
import type { Cursor, URLs } from "./urls.js";
import { find } from "./window.js";

const pageSize = 50;
// Before an offset that one jumps to.
const context = 25;
// A page of reactions shows little: so many messages are wanted of older and newer, in at
// most so many pages.
const enough = 20;
const maxPages = 5;
// After a page that couldn't be read: who scrolls doesn't ask again at once.
const pause = 2_000;
const typingFor = 5_000;

export interface RoomOptions {
  readonly room: string;
  readonly me: string; // id
  readonly connected: boolean;
  readonly platform: Platform;
  readonly urls: URLs;
  readonly keeper: Keeper;
  readonly changed: () => void;
  // lost: the log isn't the one that is followed; the connection has to start over.
  readonly lost: (retryAfter?: number) => void;
}

export class Room {
  private current: RoomState;
  private loading: Promise<Cursor> | null = null;
  // Each jump has a number: an older one's answer never undoes a newer one.
  private jumps = 0;
  private wanted: number | null = null; // an offset to go to once there is something
  private owed = false; // the newest page, which isn't read yet
  private pausedUntil = 0;
  private closed = false;
  private readonly quotes: Quotes;
  private readonly typists = new Map<string, () => void>(); // by author: cancels

  constructor(private readonly o: RoomOptions) {
    this.current = entering(o.room, o.me, o.connected);
    this.quotes = new Quotes({
      state: () => this.current,
      dispatch: (a) => this.dispatch(a),
      read: async (offset) => this.page(o.urls.after(o.room, this.cursorAt(offset - 1), 1)),
    });
  }

  get state(): RoomState {
    return this.current;
  }

  get name(): string {
    return this.o.room;
  }

  dispatch(action: Action): void {
    if (this.closed) return;
    const was = this.current;
    this.current = reduce(was, action);
    if (this.current === was) return;
    if (this.current.window !== was.window) {
      this.quotes.look();
      this.o.keeper.keep(this.current);
    }
    this.o.changed();
  }

  close(): void {
    this.closed = true;
    for (const cancel of this.typists.values()) cancel();
  }

  // boot takes the page that the server put into the document.
  boot(page: unknown): EventsPage | null {
    const parsed = pageOf(page);
    if (parsed?.room !== this.o.room) return null;
    this.dispatch({ type: "loaded", page: parsed });
    return parsed;
  }

  // restore shows this device's copy, if there is one and nothing better has come.
  async restore(): Promise<void> {
    const kept = await this.o.keeper.get(this.o.room);
    if (kept && !this.current.loaded) this.dispatch({ type: "kept", ...kept });
  }

  // ready gives the cursor to follow from, once there is a page that it belongs to. What
  // commits after the page lies past the cursor and comes live.
  ready(): Promise<Cursor> {
    const { cursor, stale } = this.current;
    if (cursor && !stale) return Promise.resolve(cursor);
    this.loading ??= this.load().finally(() => (this.loading = null));
    return this.loading;
  }

  take(events: readonly RoomEvent[]): void {
    this.dispatch({ type: "events", events });
    // The cursor says where to go on; a server that leaves holes isn't asked in a hurry.
    if (this.current.gap) this.o.lost();
  }

  // reset reads the newest page anew; live events go on from the position meanwhile.
  reset(position: Position): void {
    this.dispatch({ type: "reset", position });
    this.ready().catch((err: unknown) => this.o.lost(err instanceof Unavailable ? err.retryAfter : undefined));
  }

  joined(position: Position | undefined): void {
    this.dispatch({ type: "joined", position });
    this.quotes.again();
    if (this.owed) void this.toNewest();
  }

  typing(author: Author): void {
    this.typists.get(author.id)?.();
    this.dispatch({ type: "typing", author, on: true });
    const gone = () => {
      this.typists.delete(author.id);
      this.dispatch({ type: "typing", author, on: false });
    };
    this.typists.set(author.id, this.o.platform.timer(typingFor, gone));
  }

  async older(): Promise<void> {
    const { loadingOlder, hasOlder, kept } = this.current;
    if (loadingOlder || !hasOlder || kept || this.o.platform.now() < this.pausedUntil) return;
    const { urls, room } = this.o;
    await this.extend("older", () => (this.current.hasOlder ? urls.before(room, this.current.window.first, pageSize) : null));
  }

  async newer(): Promise<void> {
    const { loadingNewer, attached, kept } = this.current;
    if (loadingNewer || attached || kept || this.o.platform.now() < this.pausedUntil) return;
    const { urls, room } = this.o;
    await this.extend("newer", () => (this.current.attached ? null : urls.after(room, this.cursorAt(this.current.window.last), pageSize)));
  }

  // toNewest makes the window the newest page, if it isn't there already.
  async toNewest(): Promise<void> {
    if (this.current.attached) return;
    const jump = this.jump(this.o.urls.newest(this.o.room, pageSize));
    const id = this.jumps;
    this.owed = true; // from now on: the network may be back before this request fails
    if ((await jump) && id === this.jumps) this.owed = false;
  }

  // toOffset goes to a message: within the window, or with the page around it.
  async toOffset(offset: number): Promise<void> {
    const { stale, floor, head, window } = this.current;
    if (stale) {
      this.wanted = offset;
      return;
    }
    if (find(window, offset) || (offset > window.last && this.current.attached)) {
      this.jumps++;
      this.dispatch({ type: "target", offset: find(window, offset) ? offset : this.newest() });
      return;
    }
    const after = this.cursorAt(Math.max(floor - 1, offset - context - 1));
    const { urls, room } = this.o;
    await this.jump(offset > head ? urls.newest(room, pageSize) : urls.after(room, after, pageSize), offset);
  }

  // toDate goes to the first message from a time on; past the newest it goes there.
  async toDate(ms: number): Promise<void> {
    if (this.current.stale) return;
    const id = ++this.jumps;
    const page = await this.page(this.o.urls.at(this.o.room, ms, 1)).catch(() => null);
    if (id !== this.jumps || !page) return;
    await this.toOffset(page.events[0]?.offset ?? page.head + 1);
  }

  async toFirstUnread(): Promise<void> {
    const { unreadFrom, read } = this.current;
    await this.toOffset(unreadFrom ?? read + 1);
  }

  private newest(): number {
    const last = this.current.window.rows.findLast((r) => r.kind === "message");
    return last?.kind === "message" ? last.offset : 0;
  }

  private async load(): Promise<Cursor> {
    const page = await this.page(this.o.urls.newest(this.o.room, pageSize));
    if (!page) throw new Unavailable("newest page: there is none");
    const { cursor } = this.current;
    // The log is another one than was followed; what comes live is of the old one.
    const other = cursor !== null && cursor.epoch !== page.epoch;
    if (other) this.dispatch({ type: "reset", position: page });
    this.dispatch({ type: "loaded", page });
    if (other) this.o.lost();
    const { wanted } = this;
    this.wanted = null;
    if (wanted !== null) void this.toOffset(wanted);
    return this.current.cursor ?? { after: page.head, epoch: page.epoch };
  }

  // extend reads pages at one end of the window until there is enough to show.
  private async extend(which: "older" | "newer", next: () => string | null): Promise<void> {
    const { jumps } = this;
    let gained = 0;
    for (let i = 0; i < maxPages && gained < enough; i++) {
      const url = jumps === this.jumps ? next() : null;
      if (url === null) break;
      this.dispatch({ type: "loading", which });
      const page = await this.page(url).catch(() => null);
      if (!page) this.pausedUntil = this.o.platform.now() + pause;
      this.dispatch({ type: which, page: jumps === this.jumps ? page : null });
      if (!page?.events.length) break;
      gained += page.events.filter((e) => e.type === "message.posted").length;
    }
  }

  // jump makes a page the window; false when it can't be read now.
  private async jump(url: string, target?: number): Promise<boolean> {
    const id = ++this.jumps;
    this.owed = false;
    const page = await this.page(url).catch(() => null);
    if (id !== this.jumps) return true; // somewhere else was more wanted
    if (!page) return false;
    if (!this.current.stale && page.epoch === this.current.cursor?.epoch) this.dispatch({ type: "loaded", page, ...(target !== undefined && { target }) });
    return true;
  }

  private cursorAt(after: number): Cursor {
    return { after, epoch: this.current.cursor?.epoch ?? "" };
  }

  // page reads one; null when there is none at that place. It rejects when the server
  // gives no answer, or one that says to come later.
  private async page(url: string): Promise<EventsPage | null> {
    const { status, body, retryAfter } = await this.o.platform.fetch(url);
    if (status === 410) return null;
    const page = status === 200 ? parsePage(body) : null;
    if (!page) throw new Unavailable("events: " + parseProblem(status, body).code, retryAfter);
    return page;
  }
}
