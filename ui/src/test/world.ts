// A platform whose time and network a test holds in its hands.

import type { Answer, Platform, SocketEvents } from "../client/platform.js";

export class World implements Platform {
  time = 1_000_000;
  chance = 0.5;
  answer: () => Promise<Answer> = () => Promise.reject(new Error("no answer set"));
  readonly asked: string[] = [];
  readonly sockets: FakeSocket[] = [];
  private ids = 0;
  private timers: { at: number; fn: () => void }[] = [];

  now = () => this.time;
  random = () => this.chance;
  newID = () => `c-${++this.ids}`;

  timer = (ms: number, fn: () => void) => {
    const timer = { at: this.time + ms, fn };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((t) => t !== timer));
  };

  dial = (url: string, protocol: string, events: SocketEvents) => {
    const socket = new FakeSocket(url, protocol, events);
    this.sockets.push(socket);
    return socket;
  };

  get = (url: string) => {
    this.asked.push(url);
    return this.answer();
  };

  get socket(): FakeSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error("nothing was dialled");
    return last;
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

  // page answers reads of the newest events.
  page(head: number, epoch = "k3v9", from = 1): void {
    const events = Array.from({ length: Math.max(0, head - from + 1) }, (_, i) => event(from + i));
    const body = JSON.stringify({ room: "123", epoch, head, floor: 1, events });
    this.answer = () => Promise.resolve({ status: 200, body });
  }
}

export class FakeSocket {
  readonly sent: Record<string, unknown>[] = [];
  open = true;

  constructor(readonly url: string, readonly protocol: string, private readonly events: SocketEvents) {}

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>);
  }

  close(): void {
    this.open = false;
  }

  say(frame: object): void {
    this.events.message(JSON.stringify(frame));
  }

  hello(): void {
    this.say({ type: "hello", author: ann, ping: 25, room: "123", epoch: "k3v9", head: 0, floor: 1 });
  }

  deliver(...events: object[]): void {
    this.say({ type: "events", room: "123", events });
  }

  drop(code = 1006): void {
    this.open = false;
    this.events.closed(code);
  }
}

export const ann = { id: "g-5kq", name: "ann" };

export function event(offset: number, id = `s-${offset}`, author = { id: "g-bob", name: "bob" }) {
  return { offset, type: "message.posted", id, author, text: `text ${offset}`, time: "2026-11-23T02:50:54.123Z" };
}

// settle lets every promise that can go on go on.
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
