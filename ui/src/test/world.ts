// A platform whose time and network a test holds in its hands.

import type { Answer, Platform, Request, SocketEvents, Storage, StreamEvents } from "../client/platform.js";

export const ann = { id: "g-5kq", name: "ann" };
export const bob = { id: "g-bob", name: "bob" };

export class World implements Platform {
  time = 1_000_000;
  chance = 0.5;
  readonly asked: string[] = [];
  readonly requests: { readonly url: string; readonly request: Request }[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly streams: FakeStream[] = [];
  // What answers: null is no answer at all. A test that has a House lets that answer.
  serve: (url: URL, request: Request) => Answer | null | Promise<Answer | null> = () => null;
  dialled: (socket: FakeSocket) => void = () => {};
  streamed: (stream: FakeStream) => void = () => {};
  private timers: { at: number; fn: () => void }[] = [];

  // Tabs of one browser share their storage, and a page that is loaded again has that of
  // the one before.
  constructor(readonly storage: FakeStorage = new FakeStorage()) {}

  now = () => this.time;
  random = () => this.chance;
  newID = () => `c-${++this.storage.ids}`;

  timer = (ms: number, fn: () => void) => {
    const timer = { at: this.time + ms, fn };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((t) => t !== timer));
  };

  dial = (url: string, protocol: string, events: SocketEvents) => {
    const socket = new FakeSocket(url, protocol, events);
    this.sockets.push(socket);
    this.dialled(socket);
    return socket;
  };

  fetch = async (url: string, request: Request = {}) => {
    this.asked.push(url);
    this.requests.push({ url, request });
    const answer = await this.serve(new URL(url), request);
    if (!answer) throw new Error("no answer");
    return answer;
  };

  stream = (url: string, accept: string, events: StreamEvents) => {
    const stream = new FakeStream(new URL(url), accept, events);
    this.streams.push(stream);
    this.streamed(stream);
    return () => void (stream.open = false);
  };

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error("nothing was dialled");
    return last;
  }

  get lastStream(): FakeStream {
    const last = this.streams.at(-1);
    if (!last) throw new Error("nothing was streamed");
    return last;
  }

  // pages are the reads of events; what else was asked isn't what most tests are about.
  get pages(): string[] {
    return this.asked.filter((url) => url.includes("/events?"));
  }

  // pass lets time go by, timer after timer, and then lets promises settle.
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const next = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((t) => t !== next);
      this.time = Math.max(this.time, next.at);
      next.fn();
      await settle();
    }
    this.time = end;
  }

  // page answers reads of the newest events, and knows of no rooms of mine.
  page(head: number, epoch = "k3v9", from = 1): void {
    const events = Array.from({ length: Math.max(0, head - from + 1) }, (_, i) => event(from + i));
    const body = JSON.stringify({ room: "123", epoch, head, floor: 1, events });
    this.serve = (url) => ({ status: 200, body: url.pathname.endsWith("/me/rooms") ? '{"rooms":[]}' : body });
  }
}

// FakeStorage keeps copies, as a database would.
export class FakeStorage implements Storage {
  ids = 0;
  readonly values = new Map<string, unknown>();

  get = async (key: string) => structuredClone(this.values.get(key));
  put = async (key: string, value: unknown) => void this.values.set(key, structuredClone(value));
  delete = async (key: string) => void this.values.delete(key);
  list = async (prefix: string) =>
    [...this.values]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, value]) => structuredClone(value));
}

export type Frame = Readonly<Record<string, unknown>>;

export class FakeSocket {
  readonly sent: Frame[] = [];
  open = true;
  heard: (frame: Frame) => void = () => {};

  constructor(readonly url: string, readonly protocol: string, private readonly events: SocketEvents) {}

  send(data: string): void {
    const frame = JSON.parse(data) as Frame;
    this.sent.push(frame);
    this.heard(frame);
  }

  close(): void {
    this.open = false;
  }

  say(frame: object): void {
    this.events.message(JSON.stringify(frame));
  }

  // hello greets, and lets the client into the room that it joins.
  hello(): void {
    this.say({ type: "hello", author: ann, ping: 25 });
    this.admit();
  }

  admit(): void {
    const join = this.of("join").findLast((f) => f.quiet !== true);
    if (join) this.say({ type: "ok", ref: join.ref, room: join.room, epoch: join.epoch, head: join.after, floor: 1 });
  }

  deliver(...events: object[]): void {
    this.say({ type: "events", room: "123", events });
  }

  drop(code = 1006): void {
    this.open = false;
    this.events.closed(code);
  }

  of(type: string): Frame[] {
    return this.sent.filter((f) => f.type === type);
  }

  // ok and error answer the frame with that id that was sent last.
  ok(id: string, offset: number): void {
    this.say({ type: "ok", ref: this.refOf(id), room: "123", offset });
  }

  error(id: string, code: string, retryAfter?: number): void {
    this.say({ type: "error", ref: this.refOf(id), code, detail: "", ...(retryAfter !== undefined && { retry_after: retryAfter }) });
  }

  private refOf(id: string): unknown {
    return this.sent.findLast((f) => f.id === id)?.ref;
  }
}

export class FakeStream {
  open = true;

  constructor(readonly url: URL, readonly accept: string, private readonly events: StreamEvents) {}

  begin(status = 200, retryAfter?: number): void {
    if (this.open) this.events.opened(status, retryAfter);
  }

  say(text: string): void {
    if (this.open) this.events.data(text);
  }

  end(whole = true): void {
    if (!this.open) return;
    this.open = false;
    this.events.closed(whole);
  }

  // answer is a whole answer at once, as to a poll.
  answer({ status, body, retryAfter }: Answer): void {
    this.begin(status, retryAfter);
    this.say(body);
    this.end();
  }
}

export function event(offset: number, id = `s-${offset}`, author: object = bob) {
  return { offset, type: "message.posted", id, author, text: `text ${offset}`, time: "2026-11-23T02:50:54.123Z" };
}

// settle lets every promise that can go on go on.
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
