// One teahouse.v1 socket that wants to be open: it says truly how it stands, notices
// when it is dead, and comes back by itself without adding to a crowd.

import { encode, parseFrame, subprotocol, type ClientFrame, type ServerFrame } from "./protocol.js";
import type { Platform, Socket } from "./platform.js";
import type { Connection as State } from "./state.js";

const backoffBase = 500;
const backoffCap = 30_000;
const helloTimeout = 10_000;
const wakeTimeout = 3_000; // on wake somebody is looking at the page
const idleTimeout = 8_000;
// Open for so long counts as a success; less could be a server that lets in and throws out.
const stableAfter = 10_000;
// After 1013 the backoff starts as if this many attempts had failed.
const overloadedAttempts = 4;

const overloaded = 1013;
const lost = 1006;
const refusals = new Set([4401, 4403]);

// Unavailable is what prepare rejects with when the server said how long to wait.
export class Unavailable extends Error {
  constructor(message: string, readonly retryAfter?: number) {
    super(message);
  }
}

export interface ConnectionOptions {
  readonly platform: Platform;
  readonly prepare: () => Promise<string>; // the URL to dial, with the cursor of now
  readonly frame: (frame: ServerFrame) => void;
  readonly changed: (state: State) => void;
}

export class Connection {
  private state: State = { kind: "connecting" };
  private socket: Socket | null = null;
  private failures = 0;
  private asked: number | undefined; // seconds, by bye or Retry-After
  private heard = 0; // when the last frame came
  private ping = 25;
  // Each opening has a number, so that what an old socket still says goes unheard.
  private generation = 0;
  private readonly timers = { retry: none, watch: none, check: none, stable: none };

  constructor(private readonly o: ConnectionOptions) {}

  start(): void {
    if (this.socket || this.state.kind === "online") return;
    this.failures = 0;
    void this.open();
  }

  // stop closes by somebody's wish; only start opens again.
  stop(): void {
    this.drop();
    this.become({ kind: "offline", why: "user" });
  }

  // reopen closes and opens at once: under another name, say.
  reopen(): void {
    if (this.state.kind === "offline") return;
    this.drop();
    this.failures = 0;
    void this.open();
  }

  // restart gives up a connection that misbehaves, with the usual wait.
  restart(): void {
    if (this.state.kind !== "offline") this.fail(lost);
  }

  // now ends the wait for the next attempt.
  now(): void {
    if (this.state.kind === "reconnecting") void this.open();
  }

  // wake is for whenever the world may have changed: the page is seen again, the
  // network is back. A socket that looks open is asked; it may have died in its sleep.
  wake(): void {
    if (this.state.kind === "online") this.check(wakeTimeout);
    // A wait that the server asked for stands.
    if (this.state.kind === "reconnecting" && this.asked === undefined) void this.open();
  }

  suspect(): void {
    if (this.state.kind === "online") this.check(wakeTimeout);
  }

  send(frame: ClientFrame): boolean {
    if (this.state.kind !== "online" || !this.socket) return false;
    this.socket.send(encode(frame));
    return true;
  }

  private async open(): Promise<void> {
    this.drop();
    this.asked = undefined;
    const generation = this.generation;
    const current = () => generation === this.generation;
    this.become({ kind: "connecting" });
    this.set("watch", helloTimeout, () => this.fail(lost));
    try {
      const url = await this.o.prepare();
      if (!current()) return;
      this.socket = this.o.platform.dial(url, subprotocol, {
        message: (data) => current() && this.receive(data),
        closed: (code) => current() && this.fail(code),
      });
    } catch (err) {
      if (!current()) return;
      if (err instanceof Unavailable) this.asked = err.retryAfter;
      this.fail(lost);
    }
  }

  private receive(data: string): void {
    this.heard = this.o.platform.now();
    this.clear("check");
    const frame = parseFrame(data);
    if (!frame) return;
    if (frame.type === "hello") this.welcome(frame.ping);
    if (frame.type === "bye") this.asked = frame.retryAfter;
    this.o.frame(frame);
    // After the frame, so that who listens knows its author by the time it is online.
    if (frame.type === "hello") this.become({ kind: "online" });
  }

  private welcome(ping: number): void {
    this.ping = Math.max(5, ping);
    this.set("stable", stableAfter, () => (this.failures = 0));
    this.watch();
  }

  // watch asks a silent server for a sign. The server's own pings don't reach scripts.
  private watch(): void {
    this.set("watch", this.ping * 1000, () => {
      if (this.o.platform.now() - this.heard >= this.ping * 1000) this.check(idleTimeout);
      this.watch();
    });
  }

  private check(timeout: number): void {
    if (this.timers.check !== none) return;
    this.send({ type: "ping" });
    this.set("check", timeout, () => this.fail(lost));
  }

  private fail(code: number): void {
    const { asked } = this;
    this.drop();
    if (refusals.has(code)) {
      this.become({ kind: "offline", why: "refused" });
      return;
    }
    if (code === overloaded) this.failures = Math.max(this.failures, overloadedAttempts);
    const wait = asked === undefined ? this.backoff() : asked * 1000;
    this.failures++;
    this.set("retry", wait, () => void this.open());
    this.become({ kind: "reconnecting", at: this.o.platform.now() + wait });
  }

  // Full jitter: anywhere up to the bound, so that a crowd that was cut off together
  // doesn't come back together.
  private backoff(): number {
    return this.o.platform.random() * Math.min(backoffCap, backoffBase * 2 ** this.failures);
  }

  // drop leaves nothing of the socket behind that could still call.
  private drop(): void {
    this.generation++;
    for (const name of ["retry", "watch", "check", "stable"] as const) this.clear(name);
    this.socket?.close();
    this.socket = null;
  }

  private become(state: State): void {
    this.state = state;
    this.o.changed(state);
  }

  private set(name: keyof typeof this.timers, ms: number, fn: () => void): void {
    this.clear(name);
    this.timers[name] = this.o.platform.timer(ms, () => {
      this.timers[name] = none;
      fn();
    });
  }

  private clear(name: keyof typeof this.timers): void {
    this.timers[name]();
    this.timers[name] = none;
  }
}

function none(): void {}
