// The follower that asks again and again, each time letting the server wait until there
// is something: it works wherever a page can be loaded.

import type { Follower, FollowerEvents, HTTPOptions } from "./http.js";
import { closeCodes } from "./link.js";
import { parsePage, parseProblem } from "./protocol.js";
import type { Cursor, Guise } from "./urls.js";

export const pollPing = 25;
const wait = 20; // seconds
// A server that doesn't wait isn't asked without a pause.
const pause = 1_000;
// Something on the way may not wait as long as the server: one answer that doesn't come,
// after one that did, is no break yet.
const maxMisses = 1;

export class Poll implements Follower {
  private at: { readonly room: string; readonly guise: Guise; cursor: Cursor } | null = null;
  private cancel: () => void = () => {};
  private misses = maxMisses;

  constructor(private readonly o: HTTPOptions, private readonly events: FollowerEvents) {}

  get cursor(): Cursor | null {
    return this.at?.cursor ?? null;
  }

  follow(room: string, cursor: Cursor, guise: Guise): void {
    this.at = { room, guise, cursor };
    this.misses = maxMisses;
    this.again();
  }

  // The first answer is wanted at once: it says that the link is open.
  again(): void {
    this.ask(0);
  }

  close(): void {
    this.cancel();
    this.at = null;
  }

  private ask(seconds: number): void {
    if (!this.at) return;
    this.cancel();
    const began = this.o.platform.now();
    let status = 0;
    let retryAfter: number | undefined;
    let body = "";
    // By stream, since that can be called off.
    this.cancel = this.o.platform.stream(this.o.urls.poll(this.at.room, this.at.cursor, seconds, this.at.guise), "application/json", {
      opened: (s, after) => {
        status = s;
        retryAfter = after;
      },
      data: (text) => void (body += text),
      closed: (whole) => {
        if (!whole) this.missed(closeCodes.lost, undefined);
        else this.answered(status, body, retryAfter, seconds === 0 ? 0 : began + pause - this.o.platform.now());
      },
    });
  }

  private answered(status: number, body: string, retryAfter: number | undefined, early: number): void {
    const { at } = this;
    if (!at) return;
    const page = status === 200 ? parsePage(body) : null;
    const position = status === 410 ? parseProblem(status, body).position : undefined;
    if (!page && !position) {
      this.missed(status === 401 || status === 403 ? closeCodes.notAllowed : closeCodes.lost, retryAfter);
      return;
    }
    this.misses = 0;
    this.events.opened();
    if (this.at !== at) return; // it led to another room
    const last = page?.events.at(-1);
    if (position) at.cursor = { after: position.head, epoch: position.epoch };
    else if (last) at.cursor = { ...at.cursor, after: last.offset };
    if (position) this.events.frame({ type: "reset", room: at.room, position });
    else if (page && last) this.events.frame({ type: "events", room: at.room, events: page.events });
    if (this.at === at) this.next(last ? 0 : early);
  }

  private missed(code: number, retryAfter: number | undefined): void {
    const { platform } = this.o;
    if (code !== closeCodes.lost || retryAfter !== undefined || this.misses++ >= maxMisses) this.events.closed(code, retryAfter);
    else this.cancel = platform.timer(platform.random() * pause, () => this.ask(0));
  }

  private next(early: number): void {
    this.cancel = () => {};
    if (early <= 0) this.ask(wait);
    else this.cancel = this.o.platform.timer(early, () => this.ask(wait));
  }
}
