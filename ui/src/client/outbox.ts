// The outbox sends what was posted, once and in the order it was written. A post
// keeps its id through every retry, which makes a doubled one harmless; its text is
// kept until its event came, so nothing that was typed is lost.

import type { ClientFrame } from "./protocol.js";
import type { Platform } from "./platform.js";
import type { Action, Pending, RoomState } from "./state.js";

// No answer for so long: the socket is looked at, which reconnects if it is dead.
const answerTimeout = 10_000;
// The server said "not now" without saying when.
const defaultPatience = 2_000;

// Codes that mean "later", even where no retry_after comes along.
const retryable = new Set(["rate_limited", "unavailable", "restart", "not_ready", "timeout", "canceled"]);

export interface OutboxOptions {
  readonly room: string;
  readonly platform: Platform;
  readonly state: () => RoomState;
  readonly dispatch: (action: Action) => void;
  readonly send: (frame: ClientFrame) => boolean; // false when not online
  readonly suspect: () => void; // the connection may be dead
}

export class Outbox {
  private ref = 0;
  // The one post under way. One at a time: a post that is told to wait must not be
  // overtaken by the next.
  private flight: { readonly ref: number; readonly id: string } | null = null;
  private cancelTimer: () => void = () => {};

  constructor(private readonly o: OutboxOptions) {}

  post(text: string): void {
    this.o.dispatch({ type: "queued", id: this.o.platform.newID(), text, time: this.o.platform.now() });
    this.pump();
  }

  retry(id: string): void {
    this.setStatus(id, { kind: "waiting" });
    this.pump();
  }

  discard(id: string): void {
    this.o.dispatch({ type: "discarded", id });
    this.pump();
  }

  // connected starts over with whatever wasn't confirmed.
  connected(): void {
    this.disconnected();
    this.pump();
  }

  disconnected(): void {
    this.flight = null;
    this.cancelTimer();
    for (const p of this.o.state().pending) {
      if (p.status.kind === "sending" || p.status.kind === "accepted") this.setStatus(p.id, { kind: "waiting" });
    }
  }

  ok(ref: number, offset: number | undefined): void {
    const id = this.land(ref);
    if (id === null) return;
    if (offset !== undefined) this.setStatus(id, { kind: "accepted", offset });
    this.pump();
  }

  error(ref: number | undefined, code: string, retryAfter: number | undefined): void {
    const id = ref === undefined ? null : this.land(ref);
    if (id === null) return;
    if (retryAfter === undefined && !retryable.has(code)) {
      this.setStatus(id, { kind: "failed", code });
      this.pump();
      return;
    }
    const wait = retryAfter === undefined ? defaultPatience : retryAfter * 1000;
    this.setStatus(id, { kind: "slowed", until: this.o.platform.now() + wait });
    this.pump();
  }

  // land ends the flight that ref names; null when it is none of ours, or an old one.
  private land(ref: number): string | null {
    if (this.flight?.ref !== ref) return null;
    const { id } = this.flight;
    this.flight = null;
    this.cancelTimer();
    return id;
  }

  // pump sends the first post that waits, if its time has come.
  private pump(): void {
    if (this.flight) return;
    const next = this.o.state().pending.find((p) => p.status.kind === "waiting" || p.status.kind === "slowed");
    if (!next) return;
    const left = next.status.kind === "slowed" ? next.status.until - this.o.platform.now() : 0;
    if (left > 0) {
      this.setTimer(left, () => this.pump());
      return;
    }
    this.launch(next);
  }

  private launch(p: Pending): void {
    const ref = this.ref + 1;
    if (!this.o.send({ type: "post", ref, room: this.o.room, id: p.id, text: p.text })) return;
    this.ref = ref;
    this.flight = { ref, id: p.id };
    this.setStatus(p.id, { kind: "sending" });
    this.setTimer(answerTimeout, () => this.o.suspect());
  }

  private setStatus(id: string, status: Pending["status"]): void {
    this.o.dispatch({ type: "status", id, status });
  }

  private setTimer(ms: number, fn: () => void): void {
    this.cancelTimer();
    this.cancelTimer = this.o.platform.timer(ms, fn);
  }
}
