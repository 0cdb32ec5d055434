// One connection that wants to be open: it says truly how it stands, notices when it is
// dead, comes back by itself without adding to a crowd, and finds a way around what
// stands between it and the server: a WebSocket, else a stream, else a poll.

import { closeCodes, type By, type Link, type Opener, type Target } from "./link.js";
import type { Platform } from "./platform.js";
import type { ClientFrame, ServerFrame } from "./protocol.js";

const backoffBase = 500;
const backoffCap = 30_000;
const helloTimeout = 10_000;
const streamTimeout = 5_000; // it begins at once, or is held back on its way
const wakeTimeout = 3_000; // on wake somebody is looking at the page
const idleTimeout = 8_000;
// Open for so long counts as a success; less could be a server that lets in and throws out.
const stableAfter = 10_000;
// After 1013 the backoff starts as if this many attempts had failed.
const overloadedAttempts = 4;
// So many times in a row a way must fail, while the server is there, to be given up.
const strikesOut = 2;
// What comes later than this after hello shows that a stream isn't held back.
const flowingAfter = 1_000;
// When a better way is looked for.
const climbBase = 15_000;
const climbCap = 300_000;

export type State =
  | { readonly kind: "connecting" }
  | { readonly kind: "online"; readonly by: By }
  | { readonly kind: "reconnecting"; readonly at: number } // when it tries next, ms
  | { readonly kind: "offline"; readonly why: "user" | "refused" };

// Unavailable is what prepare rejects with when the server said how long to wait.
export class Unavailable extends Error {
  constructor(message: string, readonly retryAfter?: number) {
    super(message);
  }
}

export interface ConnectionOptions {
  readonly platform: Platform;
  readonly openers: Readonly<Record<By, Opener>>;
  readonly prepare: () => Promise<Target>; // with the cursor of now
  readonly reachable: () => Promise<boolean>; // whether the server answers plain requests
  readonly frame: (frame: ServerFrame) => void;
  readonly changed: (state: State) => void;
}

// An Attempt is one link, from its opening to its end.
interface Attempt {
  readonly by: By;
  link: Link | null;
  over: boolean;
}

export class Connection {
  private current: State = { kind: "connecting" };
  private by: By = "websocket";
  private attempt: Attempt | null = null;
  private scout: Attempt | null = null; // on the way to something better
  private failures = 0;
  private strikes = 0;
  private hello = false; // whether the link of now has greeted
  private hellos = 0; // how many ever have
  private climbs = 0;
  private asked: number | undefined; // seconds, by bye or Retry-After
  private greeted = 0; // when hello came
  private heard = 0; // when the last sign came
  private ping = 25;
  // Each opening has a number, so that what was prepared for an old one isn't used.
  private generation = 0;
  private readonly timers = { retry: none, watch: none, check: none, stable: none, climb: none, scout: none };

  constructor(private readonly o: ConnectionOptions) {}

  get state(): State {
    return this.current;
  }

  start(): void {
    if (this.attempt || this.current.kind === "online") return;
    this.failures = 0;
    this.by = "websocket";
    void this.open();
  }

  // stop closes by somebody's wish; only start opens again.
  stop(): void {
    this.drop();
    this.become({ kind: "offline", why: "user" });
  }

  // restart gives up a connection that misbehaves, with the usual wait.
  restart(retryAfter?: number): void {
    if (this.current.kind !== "offline") this.fail(closeCodes.lost, retryAfter);
  }

  // now ends the wait for the next attempt.
  now(): void {
    if (this.current.kind === "reconnecting") void this.open();
  }

  // wake is for whenever the world may have changed: the page is seen again, the
  // network is back. A link that looks open is asked; it may have died in its sleep.
  wake(): void {
    this.suspect();
    // The new network may have a better way.
    if (this.current.kind === "online" && this.by !== "websocket") {
      this.climbs = 0;
      this.climb();
    }
    // A wait that the server asked for stands. What failed, failed in another world.
    if (this.asked !== undefined) return;
    this.failures = 0;
    if (this.current.kind === "reconnecting") void this.open();
    if (this.current.kind === "connecting") this.set("watch", streamTimeout, () => this.fail(closeCodes.lost));
  }

  suspect(): void {
    if (this.current.kind === "online") this.check(wakeTimeout);
  }

  send(frame: ClientFrame): boolean {
    // While hello is being told the link is there, though not yet said to be online.
    return this.hello && (this.attempt?.link?.send(frame) ?? false);
  }

  private async open(): Promise<void> {
    this.drop();
    this.asked = undefined;
    const { generation } = this;
    this.become({ kind: "connecting" });
    this.set("watch", this.by === "stream" ? streamTimeout : helloTimeout, () => this.fail(closeCodes.lost));
    try {
      const target = await this.o.prepare();
      if (generation === this.generation) this.attempt = this.dial(this.by, target);
    } catch (err) {
      if (generation === this.generation) this.fail(closeCodes.lost, err instanceof Unavailable ? err.retryAfter : undefined);
    }
  }

  private dial(by: By, target: Target): Attempt {
    const a: Attempt = { by, link: null, over: false };
    const link = this.o.openers[by](target, {
      frame: (f) => !a.over && this.receive(a, f),
      heard: () => !a.over && this.alive(a),
      closed: (code, retryAfter) => {
        if (a.over) return;
        a.over = true;
        if (a === this.scout) this.climb();
        else this.fail(code, retryAfter);
      },
    });
    if (a.over) link.close();
    a.link = link;
    return a;
  }

  private receive(a: Attempt, frame: ServerFrame): void {
    if (a === this.scout && frame.type === "hello") this.moveOver(a);
    if (a !== this.attempt) return;
    this.alive(a);
    if (frame.type === "hello") this.welcome(frame.ping);
    if (frame.type === "bye") this.asked = frame.retryAfter;
    this.o.frame(frame);
    // After the frame, so that who listens knows its author by the time it is online.
    if (frame.type === "hello" && a === this.attempt && !a.over) this.become({ kind: "online", by: a.by });
  }

  private alive(a: Attempt): void {
    if (a !== this.attempt) return;
    this.heard = this.o.platform.now();
    this.clear("check");
    if (this.hello && this.heard > this.greeted + flowingAfter) this.strikes = 0;
  }

  private welcome(ping: number): void {
    this.hello = true;
    this.hellos++;
    this.greeted = this.o.platform.now();
    this.ping = Math.max(5, ping);
    this.set("stable", stableAfter, () => (this.failures = 0));
    this.watch();
    if (this.by === "websocket") this.strikes = 0;
    else this.climb();
  }

  // watch asks a silent server for a sign. The server's own pings don't reach scripts. A
  // stream isn't asked: it would have said something.
  private watch(): void {
    this.set("watch", this.ping * 1000, () => {
      if (this.o.platform.now() - this.heard >= this.ping * 1000) {
        if (this.by === "stream") return this.fail(closeCodes.lost);
        this.check(idleTimeout);
      }
      this.watch();
    });
  }

  private check(timeout: number): void {
    if (this.timers.check !== none) return;
    this.set("check", timeout, () => this.fail(closeCodes.lost));
    this.send({ type: "ping" });
  }

  private fail(code: number, retryAfter?: number): void {
    const asked = retryAfter ?? this.asked;
    const tried = this.attempt !== null && code === closeCodes.lost && asked === undefined;
    const blocked = tried && (this.by === "stream" ? this.silent() : !this.hello);
    this.drop();
    if (code === closeCodes.whoAreYou || code === closeCodes.notAllowed) {
      this.become({ kind: "offline", why: "refused" });
      return;
    }
    this.asked = asked;
    if (code === closeCodes.overloaded) this.failures = Math.max(this.failures, overloadedAttempts);
    const wait = asked === undefined ? this.backoff() : asked * 1000;
    this.failures++;
    this.set("retry", wait, () => void this.open());
    this.become({ kind: "reconnecting", at: this.o.platform.now() + wait });
    if (blocked && this.by !== "poll") void this.judge();
  }

  // silent tells whether a stream, open or not, brought nothing for as long as it may.
  private silent(): boolean {
    return !this.hello || this.o.platform.now() - this.heard >= this.ping * 1000;
  }

  // judge asks whether it is the way that fails, or the server that is away.
  private async judge(): Promise<void> {
    const { by, hellos } = this;
    const there = await this.o.reachable();
    if (by !== this.by || hellos !== this.hellos || this.current.kind === "offline") return;
    this.strikes = there ? this.strikes + 1 : 0;
    if (this.strikes < strikesOut) return;
    this.strikes = 0;
    this.climbs = 0;
    this.by = by === "websocket" ? "stream" : "poll";
    if (this.asked === undefined) void this.open();
  }

  // climb sends a scout for a WebSocket after a while, a longer one each time.
  private climb(): void {
    this.endScout();
    const wait = Math.min(climbCap, climbBase * 2 ** this.climbs) * (0.75 + this.o.platform.random() / 2);
    this.climbs++;
    this.set("climb", wait, () => void this.sendScout());
  }

  private async sendScout(): Promise<void> {
    const { generation } = this;
    this.set("scout", helloTimeout, () => this.climb());
    try {
      const target = await this.o.prepare();
      if (generation !== this.generation) return;
      const scout = this.dial("websocket", target);
      if (!scout.over) this.scout = scout;
      else this.climb();
    } catch {
      if (generation === this.generation) this.climb();
    }
  }

  // moveOver makes the scout's link the one. Whoever hears its hello goes on from their
  // cursors, so that there is no gap.
  private moveOver(scout: Attempt): void {
    this.scout = null;
    this.endScout();
    end(this.attempt);
    this.clear("check");
    this.attempt = scout;
    this.by = scout.by;
    this.climbs = 0;
  }

  private endScout(): void {
    this.clear("climb");
    this.clear("scout");
    end(this.scout);
    this.scout = null;
  }

  // Full jitter: anywhere up to the bound, so that a crowd that was cut off together
  // doesn't come back together.
  private backoff(): number {
    return this.o.platform.random() * Math.min(backoffCap, backoffBase * 2 ** this.failures);
  }

  // drop leaves nothing of the links behind that could still call.
  private drop(): void {
    this.generation++;
    for (const name of ["retry", "watch", "check", "stable"] as const) this.clear(name);
    this.endScout();
    end(this.attempt);
    this.attempt = null;
    this.hello = false;
  }

  private become(state: State): void {
    this.current = state;
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

function end(a: Attempt | null): void {
  if (!a) return;
  a.over = true;
  a.link?.close();
}

function none(): void {}
