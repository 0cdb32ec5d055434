// A small Teahouse for tests: logs in memory, served by sockets, streams and requests.

import type { Answer, Request } from "../client/platform.js";
import { ann, bob, type FakeSocket, type FakeStream, type Frame, type World } from "./world.js";

type Wire = Record<string, unknown> & { offset: number; type: string; id: string; author: { id: string; name: string } };

interface Seat {
  readonly room: string;
  after: number;
  quiet: boolean;
  deliver(events: readonly Wire[]): void;
}

export class House {
  epoch = "k3v9";
  floor = 1;
  sockets = true; // whether sockets get through
  streams = true; // whether streams do, or are held back on their way
  up = true;
  flowing = true; // whether what is committed is delivered at once
  mine: object[] = [];
  readonly logs = new Map<string, Wire[]>();
  readonly seats = new Set<Seat>();
  readonly marks: { room: string; read: number }[] = [];
  readonly committed: string[] = []; // ids, as often as they were new

  serve(world: World): void {
    world.serve = async (url, request) => {
      await Promise.resolve();
      return this.answers(url, request);
    };
    world.dialled = (socket) => this.accept(socket);
    world.streamed = (stream) => void this.stream(stream);
  }

  log(room: string): Wire[] {
    const log = this.logs.get(room) ?? [];
    this.logs.set(room, log);
    return log;
  }

  say(room: string, text: string, author: object = bob, more: object = {}): Wire {
    return this.commit(room, { type: "message.posted", id: `s-${this.log(room).length + 1}`, author, text, ...more });
  }

  fill(room: string, count: number): void {
    for (let i = 0; i < count; i++) this.say(room, `text ${this.log(room).length + 1}`);
  }

  amend(room: string, type: "edited" | "deleted" | "reacted", target: number, more: object = {}, author: object = bob): Wire {
    return this.commit(room, { type: "message." + type, id: `a-${this.log(room).length + 1}`, author, target, ...more });
  }

  // restore brings back an older copy of the log: it has another epoch, and everybody is cut off.
  restore(world: World, head: number): void {
    this.epoch += "+";
    for (const [room, log] of this.logs) this.logs.set(room, log.slice(0, head));
    this.seats.clear();
    for (const s of world.sockets) if (s.open) s.drop();
    for (const s of world.streams) s.end(false);
  }

  // pump delivers what seats haven't got yet, at most so many events each.
  pump(most = Infinity): void {
    for (const seat of [...this.seats]) {
      const due = this.log(seat.room).slice(seat.after, seat.after + most);
      if (due.length === 0) continue;
      seat.after += due.length;
      // As they are when they are read: clones, since a message changes with its amendments.
      seat.deliver(structuredClone(due));
    }
  }

  private commit(room: string, e: object): Wire {
    const log = this.log(room);
    const event = { time: new Date(1_700_000_000_000 + log.length * 1000).toISOString(), ...e, offset: log.length + 1 } as object as Wire;
    const double = log.find((o) => o.id === event.id && o.author.id === event.author.id);
    if (double) return double;
    log.push(event);
    this.committed.push(event.id);
    this.change(log, event);
    if (this.flowing) this.pump();
    return event;
  }

  private change(log: Wire[], e: Wire): void {
    const m = log[(e.target as number) - 1];
    if (m?.type !== "message.posted" || m.deleted === true) return;
    switch (e.type) {
      case "message.edited":
        Object.assign(m, { text: e.text, edited: e.time });
        for (const o of log) if (o !== e && o.type === e.type && o.target === e.target) delete o.text;
        return;
      case "message.deleted":
        for (const key of ["text", "body", "reply", "reactions", "edited"]) delete m[key];
        for (const o of log) if (o.type === "message.edited" && o.target === e.target) delete o.text;
        m.deleted = true;
        return;
      case "message.reacted": {
        const all = (m.reactions ?? []) as { emoji: unknown; authors: string[] }[];
        const had = all.find((r) => r.emoji === e.emoji);
        if (had) had.authors = had.authors.filter((a) => a !== e.author.id);
        if (e.on && had) had.authors.push(e.author.id);
        else if (e.on) all.push({ emoji: e.emoji, authors: [e.author.id] });
        m.reactions = all.filter((r) => r.authors.length > 0);
      }
    }
  }

  private accept(socket: FakeSocket): void {
    const seats = new Map<unknown, Seat>();
    socket.heard = (f) => void Promise.resolve().then(() => this.up && socket.open && this.hear(socket, seats, f));
    void Promise.resolve().then(() => {
      if (!socket.open) return;
      if (this.up && this.sockets) socket.say({ type: "hello", author: ann, ping: 25 });
      else socket.drop();
    });
  }

  private hear(socket: FakeSocket, seats: Map<unknown, Seat>, f: Frame): void {
    const room = String(f.room);
    switch (f.type) {
      case "join": {
        const old = seats.get(room);
        if (old) this.seats.delete(old);
        const seat: Seat = { room, after: f.after as number, quiet: f.quiet === true, deliver: (events) => this.reach(socket, seat, events) };
        socket.say({ type: "ok", ref: f.ref, room, epoch: this.epoch, head: this.log(room).length, floor: this.floor });
        if (f.epoch !== this.epoch || seat.after > this.log(room).length || seat.after < this.floor - 1) {
          seat.after = this.log(room).length;
          socket.say({ type: "reset", room, epoch: this.epoch, head: seat.after, floor: this.floor });
        }
        seats.set(room, seat);
        this.seats.add(seat);
        if (this.flowing) this.pump();
        return;
      }
      case "leave": {
        const old = seats.get(room);
        if (old) this.seats.delete(old);
        return;
      }
      case "read":
        this.marks.push({ room, read: f.offset as number });
        return;
      case "ping":
        socket.say({ type: "pong" });
        return;
      case "post":
      case "edit":
      case "delete":
      case "react":
        socket.say({ type: "ok", ref: f.ref, room, offset: this.command(f).offset });
    }
  }

  private reach(socket: FakeSocket, seat: Seat, events: readonly Wire[]): void {
    if (socket.open) socket.say({ type: "events", room: seat.room, events });
    else this.seats.delete(seat);
  }

  private command({ type, ref: _, room, ...rest }: Frame): Wire {
    const kind = { post: "posted", edit: "edited", delete: "deleted", react: "reacted" }[String(type)];
    return this.commit(String(room), { type: "message." + kind, author: ann, ...rest });
  }

  private async stream(s: FakeStream): Promise<void> {
    await Promise.resolve();
    if (!this.up) return s.end(false);
    if (s.accept !== "text/event-stream") return this.poll(s);
    if (!this.streams) return;
    const room = roomOf(s.url);
    s.begin();
    s.say("retry: 2000\n\n");
    const deliver = (events: readonly Wire[]) => {
      if (!s.open) return void this.seats.delete(seat);
      s.say(events.map((e) => `id: ${this.epoch}:${e.offset}\ndata: ${JSON.stringify(e)}\n\n`).join(""));
    };
    const seat: Seat = { room, after: Number(s.url.searchParams.get("after")), quiet: false, deliver };
    const position = { epoch: this.epoch, head: this.log(room).length, floor: this.floor };
    if (s.url.searchParams.get("epoch") !== this.epoch || seat.after > position.head) {
      seat.after = position.head;
      s.say(`id: ${this.epoch}:${position.head}\nevent: reset\ndata: ${JSON.stringify(position)}\n\n`);
    }
    this.seats.add(seat);
    if (this.flowing) this.pump();
  }

  // A poll waits until there is something.
  private async poll(s: FakeStream): Promise<void> {
    const room = roomOf(s.url);
    const after = Number(s.url.searchParams.get("after"));
    const waits = s.url.searchParams.get("wait") !== "0" && this.log(room).length <= after;
    if (!waits) return s.answer(this.page(s.url));
    const seat: Seat = { room, after, quiet: false, deliver: () => (this.seats.delete(seat), s.answer(this.page(s.url))) };
    this.seats.add(seat);
  }

  answers(url: URL, request: Request): Answer | null {
    return this.up ? this.answer(url, request) : null;
  }

  private answer(url: URL, request: Request): Answer {
    const { method = "GET" } = request;
    const path = url.pathname;
    if (path.endsWith("/me/rooms")) return { status: 200, body: JSON.stringify({ rooms: this.mine }) };
    if (path.endsWith("/me")) return { status: 200, body: JSON.stringify({ author: ann }) };
    if (path.includes("/me/rooms/")) {
      const { read } = JSON.parse(request.body ?? "{}") as { read?: number };
      if (read !== undefined) this.marks.push({ room: roomOf(url), read });
      return { status: 200, body: "{}" };
    }
    if (path.endsWith("/events")) return this.page(url);
    const body = JSON.parse(request.body ?? "{}") as object;
    const target = Number(path.match(/messages\/(\d+)/)?.[1]);
    const emoji = decodeURIComponent(path.match(/reactions\/(.+)$/)?.[1] ?? "");
    const type = emoji ? "react" : { POST: "post", PATCH: "edit", DELETE: "delete" }[String(method)];
    const more = type === "post" ? {} : { target, ...(request.id !== undefined && { id: request.id }), ...(emoji && { emoji, on: method === "PUT" }) };
    return { status: 200, body: JSON.stringify(this.command({ type, room: roomOf(url), ...body, ...more })) };
  }

  // page answers …/events with after, before, last or at.
  page(url: URL): Answer {
    const room = roomOf(url);
    const log = this.log(room);
    const q = (name: string) => (url.searchParams.has(name) ? Number(url.searchParams.get(name)) : undefined);
    const limit = q("limit") ?? 100;
    const position = { epoch: this.epoch, head: log.length, floor: this.floor };
    const [after, before, last] = [q("after"), q("before"), q("last")];
    const epoch = url.searchParams.get("epoch") ?? this.epoch;
    if (after !== undefined && (after > log.length || after < this.floor - 1 || epoch !== this.epoch)) return { status: 410, body: JSON.stringify({ status: 410, code: "reset", ...position }) };
    const kept = log.slice(this.floor - 1);
    let events = kept.slice(-(last ?? limit));
    if (before !== undefined) events = kept.filter((e) => e.offset < before).slice(-limit);
    else if (after !== undefined) events = log.slice(after, after + limit);
    else if (url.searchParams.has("at")) events = kept.filter((e) => String(e.time) >= String(url.searchParams.get("at"))).slice(0, limit);
    return { status: 200, body: JSON.stringify({ room, ...position, events }) };
  }
}

function roomOf(url: URL): string {
  return decodeURIComponent(url.pathname.match(/\/rooms?\/([^/]+)/)?.[1] ?? "");
}
