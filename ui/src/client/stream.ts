// The follower that is a stream of server-sent events.

import type { Follower, FollowerEvents, HTTPOptions } from "./http.js";
import { isObject, parseObject } from "./json.js";
import { closeCodes } from "./link.js";
import { parseEvents, parseFrame, type RoomEvent } from "./protocol.js";
import { SSEParser } from "./sse.js";
import type { Cursor, Guise } from "./urls.js";

// The server breaks its silence every 15 s.
export const streamPing = 20;
// Something on the way may end long answers after a while: one that was open for so long
// is opened anew, which is no break. Not by all at once, after at most a second.
const wasOpen = 10_000;
const pause = 1_000;

export class Stream implements Follower {
  private at: { readonly room: string; readonly guise: Guise; cursor: Cursor } | null = null;
  private cancel: () => void = () => {};
  // Each opening has a number, so that what an old one still says goes unheard.
  private run = 0;

  constructor(private readonly o: HTTPOptions, private readonly events: FollowerEvents) {}

  get cursor(): Cursor | null {
    return this.at?.cursor ?? null;
  }

  follow(room: string, cursor: Cursor, guise: Guise): void {
    this.at = { room, guise, cursor };
    this.again();
  }

  again(): void {
    if (!this.at) return;
    this.cancel();
    const { room, cursor, guise } = this.at;
    const parser = new SSEParser();
    const run = ++this.run;
    const current = () => run === this.run;
    const began = this.o.platform.now();
    let fresh = true;
    this.cancel = this.o.platform.stream(this.o.urls.stream(room, cursor, guise), "text/event-stream", {
      opened: (status, retryAfter) => {
        if (current() && status !== 200) this.end(status === 401 || status === 403 ? closeCodes.notAllowed : closeCodes.lost, retryAfter);
      },
      // A stream begins with some text at once; where it doesn't come, something on the
      // way holds streams back.
      data: (text) => {
        if (fresh && current()) this.events.opened();
        fresh = false;
        if (current()) this.events.heard();
        if (current()) this.read(parser, text, current);
      },
      closed: () => {
        if (!current()) return;
        const { platform } = this.o;
        if (fresh || platform.now() - began < wasOpen) this.end(closeCodes.lost);
        else this.cancel = platform.timer(platform.random() * pause, () => this.again());
      },
    });
  }

  close(): void {
    this.run++;
    this.cancel();
    this.at = null;
  }

  private end(code: number, retryAfter?: number): void {
    this.close();
    this.events.closed(code, retryAfter);
  }

  // read hands on what the text brings, for as long as it is still asked for.
  private read(parser: SSEParser, text: string, current: () => boolean): void {
    try {
      let batch: RoomEvent[] = [];
      for (const m of parser.push(text)) {
        if (m.event === "message") {
          batch.push(...eventsOf(m.data));
          continue;
        }
        this.bring(batch);
        batch = [];
        if (m.event === "reset" && current()) this.reset(m.data);
        if (!current()) return;
      }
      this.bring(batch);
    } catch {
      if (current()) this.end(closeCodes.lost);
    }
  }

  private bring(events: readonly RoomEvent[]): void {
    const last = events.at(-1);
    if (!last || !this.at) return;
    this.at.cursor = { ...this.at.cursor, after: last.offset };
    this.events.frame({ type: "events", room: this.at.room, events });
  }

  private reset(data: string): void {
    const position = parseObject(data);
    if (!position || !this.at) throw new Error("event stream: a reset that can't be read");
    const frame = parseFrame(JSON.stringify({ ...position, type: "reset", room: this.at.room }));
    if (frame?.type !== "reset") throw new Error("event stream: a reset without a position");
    this.at.cursor = { after: frame.position.head, epoch: frame.position.epoch };
    this.events.frame(frame);
  }
}

// A stream that says what can't be read would leave a hole: it is given up.
function eventsOf(data: string): readonly RoomEvent[] {
  const event = parseObject(data);
  const events = isObject(event) ? parseEvents([event]) : null;
  if (!events) throw new Error("event stream: not an event");
  return events;
}
