// A room that somebody is in: its state, its connection and its outbox in one. The
// page shows `state` and calls the verbs; it never changes state itself.

import { Connection, Unavailable } from "./connection.js";
import { Outbox } from "./outbox.js";
import { parsePage, parseProblem, type EventsPage, type RoomEvent, type ServerFrame } from "./protocol.js";
import type { Platform } from "./platform.js";
import { initial, reduce, type Action, type Connection as ConnectionState, type RoomState } from "./state.js";
import type { RoomURLs } from "./urls.js";

const firstPage = 50;

export interface RoomOptions {
  readonly room: string;
  readonly urls: RoomURLs;
  readonly platform: Platform;
  readonly name: string;
  readonly changed: (state: RoomState) => void;
}

export class Room {
  private current: RoomState = initial;
  private name: string;
  private readonly connection: Connection;
  private readonly outbox: Outbox;
  // Events that came while a page was being read after a reset; null: none is.
  private held: RoomEvent[] | null = null;
  // Each read of a page has a number: an older answer never undoes a newer one.
  private loads = 0;

  constructor(private readonly o: RoomOptions) {
    this.name = o.name;
    this.connection = new Connection({
      platform: o.platform,
      prepare: () => this.prepare(),
      frame: (f) => this.receive(f),
      changed: (c) => this.connectionChanged(c),
    });
    this.outbox = new Outbox({
      room: o.room,
      platform: o.platform,
      state: () => this.current,
      dispatch: (a) => this.dispatch(a),
      send: (f) => this.connection.send(f),
      suspect: () => this.connection.suspect(),
    });
  }

  get state(): RoomState {
    return this.current;
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

  wake(): void {
    this.connection.wake();
  }

  rename(name: string): void {
    if (name === this.name) return;
    this.name = name;
    this.connection.reopen();
  }

  post(text: string): void {
    this.outbox.post(text);
  }

  retry(id: string): void {
    this.outbox.retry(id);
  }

  discard(id: string): void {
    this.outbox.discard(id);
  }

  private dispatch(action: Action): void {
    this.current = reduce(this.current, action);
    this.o.changed(this.current);
  }

  // prepare makes sure that there is a cursor to dial with: what commits between the
  // page and the socket lies after it and comes over the socket.
  private async prepare(): Promise<string> {
    this.held = null;
    if (!this.current.cursor) {
      const page = await this.load();
      if (page) this.dispatch({ type: "loaded", page });
    }
    if (!this.current.cursor) throw new Unavailable("page overtaken by another");
    return this.o.urls.socket(this.current.cursor, this.name);
  }

  // load reads the newest page; null when a newer read has begun since.
  private async load(): Promise<EventsPage | null> {
    const id = ++this.loads;
    const answer = await this.o.platform.get(this.o.urls.newest(firstPage));
    if (id !== this.loads) return null;
    const page = answer.status === 200 ? parsePage(answer.body) : null;
    if (!page) throw new Unavailable("events: " + parseProblem(answer.status, answer.body).code, answer.retryAfter);
    return page;
  }

  private receive(f: ServerFrame): void {
    switch (f.type) {
      case "hello":
        this.dispatch({ type: "hello", author: f.author });
        return;
      case "events":
        if (f.room === this.o.room) this.take(f.events);
        return;
      case "reset":
        void this.reload();
        return;
      case "presence":
        if (f.room === this.o.room) this.dispatch({ type: "presence", count: f.count });
        return;
      case "ok":
        this.outbox.ok(f.ref, f.offset);
        return;
      case "error":
        this.outbox.error(f.ref, f.code, f.retryAfter);
        return;
    }
  }

  private take(events: readonly RoomEvent[]): void {
    if (this.held) {
      this.held.push(...events);
      return;
    }
    this.dispatch({ type: "events", events });
    // The cursor says where to go on; a server that leaves holes isn't asked in a hurry.
    if (this.current.gap) this.connection.restart();
  }

  // reload follows a reset: the socket goes on from the head, so what it brings in the
  // meantime is held until the page is there.
  private async reload(): Promise<void> {
    const held: RoomEvent[] = [];
    this.held = held;
    this.dispatch({ type: "reset" });
    try {
      const page = await this.load();
      if (!page || this.held !== held) return;
      this.held = null;
      this.dispatch({ type: "loaded", page });
      this.take(held);
    } catch {
      if (this.held === held) this.connection.restart();
    }
  }

  private connectionChanged(connection: ConnectionState): void {
    const was = this.current.connection.kind;
    this.dispatch({ type: "connection", connection, time: this.o.platform.now() });
    if (connection.kind === "online") this.outbox.connected();
    else if (was === "online") this.outbox.disconnected();
  }
}
