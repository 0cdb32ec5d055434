// Messages that replies name and that the window doesn't hold: each is fetched once.

import { messageOf, type Message } from "./message.js";
import type { EventsPage } from "./protocol.js";
import type { Action, RoomState } from "./state.js";

// So many at a time: they are pictures in the margin, and mustn't hold up the feed.
const atOnce = 4;

export interface QuotesOptions {
  readonly state: () => RoomState;
  readonly dispatch: (action: Action) => void;
  readonly read: (offset: number) => Promise<EventsPage | null>; // a page that begins there; null: there is none
}

export class Quotes {
  private readonly asked = new Set<number>();
  private looking = false;
  private rows: RoomState["window"]["rows"] | null = null;

  constructor(private readonly o: QuotesOptions) {}

  // look fetches what is missing, all that this task shows together.
  look(): void {
    const { window, kept } = this.o.state();
    if (this.looking || kept || window.rows === this.rows) return;
    this.looking = true;
    void Promise.resolve().then(() => this.fetch());
  }

  // again lets what couldn't be fetched be asked for anew.
  again(): void {
    this.asked.clear();
    this.rows = null;
    this.look();
  }

  private async fetch(): Promise<void> {
    const missing = this.missing();
    for (const offset of missing) this.asked.add(offset);
    this.looking = false;
    for (let i = 0; i < missing.length; i += atOnce) {
      const part = missing.slice(i, i + atOnce);
      const found = await Promise.all(part.map((offset) => this.one(offset)));
      const messages = new Map(found.flatMap((f) => (f ? [[f.offset, f.message] as const] : [])));
      const head = Math.min(...found.flatMap((f) => (f ? [f.head] : [])));
      // What was found is in the state; what wasn't is asked for after the next connection.
      for (const offset of messages.keys()) this.asked.delete(offset);
      if (messages.size) this.o.dispatch({ type: "quoted", messages, head });
    }
  }

  private missing(): number[] {
    const { window, quoted } = this.o.state();
    this.rows = window.rows;
    const replies = new Set(window.rows.flatMap((r) => (r.kind === "message" && r.reply !== null ? [r.reply] : [])));
    if (replies.size === 0) return [];
    const shown = new Set(window.rows.map((r) => (r.kind === "message" ? r.offset : 0)));
    return [...replies].filter((n) => !shown.has(n) && !quoted.has(n) && !this.asked.has(n));
  }

  private async one(offset: number): Promise<{ offset: number; message: Message | null; head: number } | null> {
    try {
      const page = await this.o.read(offset);
      const e = page?.events.find((e) => e.offset === offset && e.type === "message.posted");
      return { offset, message: e ? messageOf(e) : null, head: page?.head ?? Infinity };
    } catch {
      return null;
    }
  }
}
