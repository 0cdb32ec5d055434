// The outbox sends what was written in any room, once and in each room's order. An entry
// keeps its id through every retry, which makes a doubled one harmless, and stays in this
// device's storage until the server has it: it survives the page, and hours without a
// network. Tabs share the storage; two that send the same entry make one message of it.

import type { Wish } from "./message.js";
import type { Platform } from "./platform.js";
import type { ClientFrame, RoomEvent } from "./protocol.js";
import { isEntry, settled, type Content, type Entry } from "./entry.js";
import type { Pending, PendingStatus } from "./state.js";

// No answer for so long: the connection is looked at, which reconnects if it is dead.
const answerTimeout = 10_000;
// The server said "not now" without saying when.
const defaultPatience = 2_000;
// What an earlier page left goes first; storage that doesn't answer is waited for so long.
const storageTimeout = 2_000;

// Codes that mean "later", even where no retry_after comes along.
const retryable = new Set(["rate_limited", "unavailable", "full", "restart", "not_ready", "timeout", "canceled"]);

const prefix = "outbox/";

export interface OutboxOptions {
  readonly platform: Platform;
  readonly ref: () => number; // a new one
  readonly send: (frame: ClientFrame) => boolean; // false when not online
  readonly suspect: () => void; // the connection may be dead
  // The offset up to which a room's events were seen; null for a room that isn't open,
  // whose events won't be.
  readonly seenUpTo: (room: string) => number | null;
  readonly changed: (room: string) => void;
  readonly refused: (room: string, code: string) => void; // an edit, a deletion, a reaction
}

// A Flight is the one entry of a room that is under way. One at a time: an entry that is
// told to wait must not be overtaken by the next.
interface Flight {
  readonly ref: number;
  readonly id: string;
}

export class Outbox {
  private entries: readonly Entry[] = []; // by time
  private readonly flights = new Map<string, Flight>(); // by room
  private readonly timers = new Map<string, () => void>(); // by room: their cancels
  private readonly stored = new Set<string>(); // ids that are in storage for sure
  private ready = false;
  private begun = 0;
  private last = 0;

  constructor(private readonly o: OutboxOptions) {
    this.begin();
  }

  // pending are a room's posts that its log doesn't show yet.
  pending(room: string): readonly Pending[] {
    return this.of(room).flatMap((e) => (e.kind === "post" ? [{ id: e.id, text: e.text, time: e.time, reply: e.reply, status: e.status }] : []));
  }

  // wishes are what is under way on a room's messages.
  wishes(room: string): readonly Wish[] {
    return this.of(room).filter((e) => e.kind !== "post");
  }

  add(room: string, content: Content): void {
    const { platform } = this.o;
    this.last = Math.max(platform.now(), this.last + 1);
    const entry: Entry = { ...content, id: platform.newID(), room, time: this.last, status: { kind: "waiting" } };
    this.entries = [...this.entries, entry];
    void this.keep(entry);
    this.o.changed(room);
    this.pump(room);
  }

  retry(id: string): void {
    const entry = this.find(id);
    if (entry?.status.kind !== "failed") return;
    void this.keep(this.set(entry, { kind: "waiting" }));
    this.pump(entry.room);
  }

  discard(id: string): void {
    const entry = this.find(id);
    if (!entry) return;
    this.remove([entry]);
    this.pump(entry.room);
  }

  // connected starts over with whatever wasn't answered, once it is known what other tabs
  // have done since.
  connected(): void {
    this.disconnected();
    this.begin();
  }

  disconnected(): void {
    this.flights.clear();
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
    for (const e of this.entries) if (e.status.kind === "sending") this.set(e, { kind: "waiting" });
  }

  ok(ref: number, offset: number | undefined): void {
    const entry = this.land(ref);
    if (!entry) return;
    // The server has it on disk; what the page shows of it stays until its event is seen.
    this.drop(entry.id);
    const seen = this.o.seenUpTo(entry.room);
    if (offset === undefined || seen === null || offset <= seen) this.remove([entry]);
    else this.set(entry, { kind: "accepted", offset });
    this.pump(entry.room);
  }

  error(ref: number | undefined, code: string, retryAfter: number | undefined): void {
    const entry = ref === undefined ? null : this.land(ref);
    if (!entry) return;
    if (retryAfter !== undefined || retryable.has(code)) {
      const wait = retryAfter === undefined ? defaultPatience : retryAfter * 1000;
      this.set(entry, { kind: "slowed", until: this.o.platform.now() + wait });
    } else if (entry.kind === "post") {
      void this.keep(this.set(entry, { kind: "failed", code }));
    } else {
      this.remove([entry]);
      this.o.refused(entry.room, code);
    }
    this.pump(entry.room);
  }

  // seen drops what the room's log shows now, up to and with the offset. Ids are an
  // author's own: somebody else's event with our id confirms nothing.
  seen(room: string, events: readonly RoomEvent[], after: number, me: string): void {
    const mine = new Set(events.filter((e) => me === "" || e.author.id === me).map((e) => e.id));
    const done = this.of(room).filter((e) => mine.has(e.id) || (e.status.kind === "accepted" && e.status.offset <= after));
    if (done.length === 0) return;
    this.remove(done);
    this.pump(room);
  }

  // reset is for a room whose log is another one now: what that accepted may not be in it.
  reset(room: string): void {
    for (const e of this.of(room)) if (e.status.kind === "accepted") void this.keep(this.set(e, { kind: "waiting" }));
    this.pump(room);
  }

  // closed is for a room whose events won't be seen any more.
  closed(room: string): void {
    this.remove(this.of(room).filter((e) => e.status.kind === "accepted"));
  }

  // begin sends once it is known what storage holds.
  private begin(): void {
    this.ready = false;
    const id = ++this.begun;
    const start = () => {
      cancel();
      if (this.ready || id !== this.begun) return;
      this.ready = true;
      for (const room of new Set(this.entries.map((e) => e.room))) this.pump(room);
    };
    const cancel = this.o.platform.timer(storageTimeout, start);
    void this.sync().then(start);
  }

  // sync takes in what other tabs, or an earlier page, have left in storage, and lets go
  // of what they have brought to an end.
  private async sync(): Promise<void> {
    const { stored } = this;
    const before = new Set(stored);
    const kept = (await this.o.platform.storage.list(prefix)).filter(isEntry);
    const ids = new Set(kept.map((e) => e.id));
    this.remove(this.entries.filter((e) => before.has(e.id) && stored.has(e.id) && !ids.has(e.id)));
    const fresh = kept.filter((e) => !this.find(e.id) && !before.has(e.id)).map((e): Entry => ({ ...e, status: settled(e.status) }));
    if (fresh.length === 0) return;
    for (const e of fresh) stored.add(e.id);
    this.entries = [...this.entries, ...fresh].sort((a, b) => a.time - b.time);
    for (const room of new Set(fresh.map((e) => e.room))) this.o.changed(room);
  }

  // land ends the flight that ref names; null when it is none of ours, or an old one.
  private land(ref: number): Entry | null {
    for (const [room, flight] of this.flights) {
      if (flight.ref !== ref) continue;
      this.flights.delete(room);
      this.cancelTimer(room);
      return this.find(flight.id);
    }
    return null;
  }

  // pump sends the first entry of a room that waits, if its time has come.
  private pump(room: string): void {
    if (!this.ready || this.flights.has(room)) return;
    const next = this.of(room).find((e) => e.status.kind === "waiting" || e.status.kind === "slowed");
    if (!next) return;
    const left = next.status.kind === "slowed" ? next.status.until - this.o.platform.now() : 0;
    if (left > 0) this.setTimer(room, left, () => this.pump(room));
    else this.launch(next);
  }

  private launch(e: Entry): void {
    const flight = { ref: this.o.ref(), id: e.id };
    // Before it is sent: some links answer at once.
    this.flights.set(e.room, flight);
    if (!this.o.send(frameOf(e, flight.ref))) {
      this.flights.delete(e.room);
      return;
    }
    if (this.flights.get(e.room) !== flight) return;
    this.set(e, { kind: "sending" });
    this.setTimer(e.room, answerTimeout, () => this.unanswered(e.room, flight));
  }

  // unanswered looks whether the connection lives. If it does and still brings no answer,
  // the entry is sent once more.
  private unanswered(room: string, flight: Flight): void {
    this.o.suspect();
    this.setTimer(room, answerTimeout, () => {
      if (this.flights.get(room) !== flight) return;
      this.flights.delete(room);
      const entry = this.find(flight.id);
      if (entry) this.set(entry, { kind: "waiting" });
      this.pump(room);
    });
  }

  private of(room: string): readonly Entry[] {
    return this.entries.filter((e) => e.room === room);
  }

  private find(id: string): Entry | null {
    return this.entries.find((e) => e.id === id) ?? null;
  }

  private set(entry: Entry, status: PendingStatus): Entry {
    const next = { ...entry, status };
    this.entries = this.entries.map((e) => (e.id === entry.id ? next : e));
    this.o.changed(entry.room);
    return next;
  }

  private remove(gone: readonly Entry[]): void {
    if (gone.length === 0) return;
    const ids = new Set(gone.map((e) => e.id));
    this.entries = this.entries.filter((e) => !ids.has(e.id));
    for (const { id, room } of gone) {
      this.drop(id);
      if (this.flights.get(room)?.id !== id) continue;
      this.flights.delete(room);
      this.cancelTimer(room);
    }
    for (const room of new Set(gone.map((e) => e.room))) this.o.changed(room);
  }

  private async keep(e: Entry): Promise<void> {
    await this.o.platform.storage.put(prefix + e.id, e);
    if (this.find(e.id) && !this.isDone(e.id)) this.stored.add(e.id);
    else this.drop(e.id); // it was over before it was kept
  }

  private isDone(id: string): boolean {
    return this.find(id)?.status.kind === "accepted";
  }

  private drop(id: string): void {
    this.stored.delete(id);
    void this.o.platform.storage.delete(prefix + id);
  }

  private setTimer(room: string, ms: number, fn: () => void): void {
    this.cancelTimer(room);
    this.timers.set(room, this.o.platform.timer(ms, fn));
  }

  private cancelTimer(room: string): void {
    this.timers.get(room)?.();
    this.timers.delete(room);
  }
}

function frameOf(e: Entry, ref: number): ClientFrame {
  const { room, id } = e;
  switch (e.kind) {
    case "post":
      return { type: "post", ref, room, id, text: e.text, ...(e.reply !== null && { reply: e.reply }) };
    case "edit":
      return { type: "edit", ref, room, id, target: e.target, text: e.text };
    case "delete":
      return { type: "delete", ref, room, id, target: e.target };
    case "react":
      return { type: "react", ref, room, id, target: e.target, emoji: e.emoji, on: e.on };
  }
}
