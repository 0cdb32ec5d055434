// The whole client: one connection, the open room, one's rooms and the outbox. The page
// shows `state` and calls the verbs; it never changes state itself.

import type { AppOptions, AppState, Boot } from "./api.js";
import { Connection, Unavailable, type State as ConnectionState } from "./connection.js";
import { opt } from "./json.js";
import { Keeper } from "./kept.js";
import { cleanName, cleanText } from "./limits.js";
import type { Target } from "./link.js";
import { Marks } from "./marks.js";
import { Memory } from "./memory.js";
import { Outbox } from "./outbox.js";
import type { Author, Emoji, Level, Position, RoomEvent, ServerFrame } from "./protocol.js";
import { Room } from "./room.js";
import { Rooms } from "./rooms.js";
import { URLs, type Guise } from "./urls.js";
import { ways } from "./ways.js";

export * from "./api.js";

// Typing is told no more often than this.
const typingEvery = 3_000;
// A join without an answer: the connection is no good, whatever else comes over it.
const joinTimeout = 15_000;

export class App {
  readonly urls: URLs;
  private readonly connection: Connection;
  private readonly outbox: Outbox;
  private readonly rooms: Rooms;
  private readonly marks: Marks;
  private readonly keeper: Keeper;
  private readonly memory: Memory;
  private room: Room | null = null;
  private boot: Boot | null; // until it is used
  private who: Author | null;
  private sure: boolean; // the server said who
  private guise: Guise;
  private told: Guise; // to the server
  private refs = 0;
  // The join of the open room: its events count once it is answered.
  private seat: { readonly ref: number; readonly room: Room; ok: boolean } | null = null;
  private typed = -Infinity;

  constructor(private readonly o: AppOptions) {
    const { platform, boot } = o;
    this.urls = new URLs(o.origin, o.base);
    this.guise = { name: cleanName(o.name), hue: o.hue };
    this.told = this.guise;
    this.boot = boot;
    this.sure = boot !== null;
    this.who = boot && this.dressed(boot.me.id);
    this.keeper = new Keeper(platform);
    this.memory = new Memory(platform, () => ({ me: this.who, rooms: this.rooms.stored() }));
    this.connection = new Connection({
      platform,
      openers: ways({ platform, urls: this.urls, me: () => (this.sure ? this.who : null) }),
      prepare: () => this.prepare(),
      reachable: () => this.reachable(),
      frame: (f) => this.receive(f),
      changed: (c) => this.connectionChanged(c),
    });
    const send = this.connection.send.bind(this.connection);
    const ref = () => ++this.refs;
    const isOpen = (room: string) => room === this.room?.name;
    this.rooms = new Rooms({
      platform,
      urls: this.urls,
      ref,
      send,
      me: () => this.who,
      isOpen,
      isSeen: (room) => isOpen(room) && this.marks.isSeen,
      visible: () => this.marks.visible,
      changed: () => this.roomsChanged(),
      notice: o.notice,
    });
    this.marks = new Marks({ platform, rooms: this.rooms, send });
    this.outbox = new Outbox({
      platform,
      ref,
      send,
      suspect: () => this.connection.suspect(),
      seenUpTo: (room) => (isOpen(room) ? (this.room?.state.cursor?.after ?? 0) : null),
      changed: (room) => isOpen(room) && this.showOutbox(),
      refused: (room, code) => isOpen(room) && this.room?.dispatch({ type: "failure", code }),
    });
    void this.recall();
  }

  get state(): AppState {
    return { me: this.who, connection: this.connection.state, room: this.room?.state ?? null, rooms: this.rooms.list };
  }

  // start opens the connection with this room in it. at is the offset of a permalink.
  start(room: string, at?: number): void {
    this.go(room, at);
    this.connection.start();
  }

  // enter goes to another room over the same connection.
  enter(room: string, at?: number): void {
    if (room === this.room?.name) {
      if (at !== undefined) this.toOffset(at);
      return;
    }
    const left = this.room;
    this.marks.flush();
    this.keeper.flush();
    this.go(room, at);
    if (left) this.leave(left);
    const { kind } = this.connection.state;
    if (kind === "online") void this.follow();
    else if (kind === "reconnecting") this.connection.wake();
  }

  open(): void {
    this.connection.start();
  }

  close(): void {
    this.connection.stop();
  }

  reconnectNow(): void {
    this.connection.now();
  }

  // wake is for a page that is visible again, or a network that is back.
  wake(): void {
    this.connection.wake();
    const { state } = this.connection;
    if (state.kind === "online" && state.by !== "websocket") void this.rooms.refresh();
  }

  // left is for a page that goes, for a while or for good.
  left(): void {
    this.marks.flush();
    this.keeper.flush();
    this.memory.now();
  }

  // me changes how others see one from now on.
  me(name: string, hue: number | null): void {
    const guise = { name: cleanName(name), hue };
    if (guise.name === this.guise.name && hue === this.guise.hue) return;
    this.guise = guise;
    if (this.who) this.become(this.dressed(this.who.id));
    this.tellGuise();
  }

  post(text: string, reply?: number): void {
    const { room } = this;
    const clean = cleanText(text);
    if (!room || clean === "") return;
    room.dispatch({ type: "posted" });
    this.typed = -Infinity; // the others' line is gone with the message
    this.outbox.add(room.name, { kind: "post", text: clean, reply: reply ?? null });
    void room.toNewest();
  }

  edit(offset: number, text: string): void {
    const clean = cleanText(text);
    if (this.room && clean !== "") this.outbox.add(this.room.name, { kind: "edit", target: offset, text: clean });
  }

  remove(offset: number): void {
    if (this.room) this.outbox.add(this.room.name, { kind: "delete", target: offset });
  }

  react(offset: number, emoji: Emoji, on: boolean): void {
    if (this.room) this.outbox.add(this.room.name, { kind: "react", target: offset, emoji, on });
  }

  retry(id: string): void {
    this.outbox.retry(id);
  }

  discard(id: string): void {
    this.outbox.discard(id);
  }

  // typing may be called on every input.
  typing(): void {
    const now = this.o.platform.now();
    if (!this.room || now - this.typed < typingEvery) return;
    if (this.connection.send({ type: "signal", room: this.room.name, kind: "typing" })) this.typed = now;
  }

  // older and newer are for a reader who nears an end of the window.
  older(): void {
    void this.room?.older();
  }

  newer(): void {
    void this.room?.newer();
  }

  toNewest(): void {
    void this.room?.toNewest();
  }

  toOffset(offset: number): void {
    void this.room?.toOffset(offset);
  }

  toDate(ms: number): void {
    void this.room?.toDate(ms);
  }

  toFirstUnread(): void {
    void this.room?.toFirstUnread();
  }

  // seen tells whether the page is before somebody's eyes, and whether its end is.
  seen(visible: boolean, atEnd: boolean): void {
    this.marks.seen(visible, atEnd);
  }

  level(room: string, level: Level): void {
    this.rooms.level(room, level);
  }

  forget(room: string): void {
    this.rooms.forget(room);
    this.keeper.forget(room);
  }

  refreshRooms(): void {
    void this.rooms.refresh();
  }

  // go makes a room the open one, showing what is there of it.
  private go(name: string, at: number | undefined): void {
    this.room?.close();
    this.seat = null;
    const room = new Room({
      room: name,
      me: this.who?.id ?? "",
      connected: this.connection.state.kind === "online",
      platform: this.o.platform,
      urls: this.urls,
      keeper: this.keeper,
      changed: () => this.roomChanged(room),
      lost: (retryAfter) => room === this.room && this.connection.state.kind === "online" && this.connection.restart(retryAfter),
    });
    this.room = room;
    this.marks.enter(room, at === undefined);
    const { boot } = this;
    this.boot = null;
    const page = boot && room.boot(boot.page);
    if (page) this.marks.found(boot.read, false, boot.level);
    else void room.restore();
    this.showOutbox();
    if (at !== undefined) void room.toOffset(at);
    this.changed();
  }

  private leave(room: Room): void {
    this.outbox.closed(room.name);
    if (this.connection.state.kind === "online") this.rooms.closed(room.name);
  }

  private async prepare(): Promise<Target> {
    for (;;) {
      const { room } = this;
      if (!room) throw new Error("connect: no room is open");
      const cursor = await room.ready();
      if (room !== this.room) continue;
      this.told = this.guise;
      return { guise: this.guise, room: room.name, cursor };
    }
  }

  // reachable tells whether the server, not just something before it, answers.
  private async reachable(): Promise<boolean> {
    const { room } = this;
    const cursor = room?.state.cursor;
    if (!room || !cursor) return false;
    try {
      const { status } = await this.o.platform.fetch(this.urls.after(room.name, cursor, 1));
      return status === 200 || status === 410;
    } catch {
      return false;
    }
  }

  private receive(f: ServerFrame): void {
    switch (f.type) {
      case "hello":
        this.hello(f.author);
        return;
      case "ok":
        if (this.seat?.ref === f.ref) this.seated(f.position);
        else this.outbox.ok(f.ref, f.offset);
        return;
      case "error":
        if (f.ref !== undefined && this.seat?.ref === f.ref) this.connection.restart(f.retryAfter);
        else this.outbox.error(f.ref, f.code, f.retryAfter);
        return;
      case "read":
        this.rooms.read(f.room, f.offset, f.level);
        if (f.room === this.room?.name) this.room.dispatch({ type: "read", offset: f.offset });
        return;
      case "pong":
      case "bye":
        return;
      default:
        this.happened(f);
    }
  }

  // happened is what comes of a room. Of the open one nothing counts that was sent before
  // the server knew from where on we follow it.
  private happened(f: Extract<ServerFrame, { type: "events" | "reset" | "presence" | "signal" }>): void {
    const open = this.seat?.ok && f.room === this.seat.room.name ? this.seat.room : null;
    switch (f.type) {
      case "events":
        if (open) this.take(open, f.events);
        this.rooms.events(f.room, f.events);
        if (open) this.marks.move();
        return;
      case "reset":
        this.rooms.reset(f.room, f.position);
        open?.reset(f.position);
        if (open) this.outbox.reset(open.name);
        return;
      case "presence":
        open?.dispatch(f);
        return;
      case "signal":
        if (f.kind === "typing" && f.author && f.author.id !== this.who?.id) open?.typing(f.author);
        return;
    }
  }

  private take(room: Room, events: readonly RoomEvent[]): void {
    room.take(events);
    this.outbox.seen(room.name, events, room.state.cursor?.after ?? 0, this.who?.id ?? "");
  }

  // hello is the beginning of each link: everything is asked for anew from where we are.
  private hello(author: Author): void {
    this.sure = true;
    const news = this.told !== this.guise; // since the link was opened
    this.become(news ? this.dressed(author.id) : author);
    this.tellGuise();
    void this.follow();
    this.outbox.connected();
  }

  private async follow(): Promise<void> {
    const { room } = this;
    if (!room) return;
    try {
      if (room.state.stale) await room.ready();
    } catch (err) {
      if (room === this.room) this.connection.restart(err instanceof Unavailable ? err.retryAfter : undefined);
      return;
    }
    const { cursor } = room.state;
    if (room !== this.room || !cursor) return;
    this.seat = { ref: ++this.refs, room, ok: false };
    const { seat } = this;
    this.o.platform.timer(joinTimeout, () => seat === this.seat && !seat.ok && this.connection.restart());
    this.connection.send({ type: "join", ref: seat.ref, room: room.name, ...cursor });
  }

  private seated(position: Position | undefined): void {
    if (!this.seat) return;
    this.seat.ok = true;
    this.seat.room.joined(position);
  }

  private connectionChanged(c: ConnectionState): void {
    const time = this.o.platform.now();
    switch (c.kind) {
      case "online":
        this.room?.dispatch({ type: "connection", up: true, time });
        this.rooms.connected(c.by === "websocket");
        this.marks.flush();
        break;
      case "reconnecting":
      case "offline":
        this.room?.dispatch({ type: "connection", up: false, time });
        this.room?.dispatch({ type: "down" });
        this.seat = null;
        this.rooms.disconnected();
        this.outbox.disconnected();
        break;
    }
    this.changed();
  }

  private tellGuise(): void {
    if (this.told === this.guise) return;
    const { name, hue } = this.guise;
    if (this.connection.send({ type: "me", ref: ++this.refs, name, ...(hue !== null && { hue }) })) this.told = this.guise;
  }

  private dressed(id: string): Author {
    return { id, name: this.guise.name, ...opt("hue", this.guise.hue ?? undefined) };
  }

  private become(me: Author): void {
    this.who = me;
    this.room?.dispatch({ type: "me", me });
    this.memory.soon();
    this.changed();
  }

  private roomChanged(room: Room): void {
    if (room !== this.room) return;
    this.marks.look();
    this.changed();
  }

  private roomsChanged(): void {
    this.marks.look();
    this.memory.soon();
    this.changed();
  }

  private showOutbox(): void {
    const { room } = this;
    room?.dispatch({ type: "outbox", pending: this.outbox.pending(room.name), wishes: this.outbox.wishes(room.name) });
  }

  // recall brings back what this device remembers, where the server hasn't said more.
  private async recall(): Promise<void> {
    const { me, rooms } = await this.memory.recall();
    if (me && !this.who) this.become(this.dressed(me.id));
    this.rooms.restore(rooms);
  }

  private changed(): void {
    this.o.changed(this.state);
  }
}
