// The links that go by HTTP: what happens comes by a follower of one room, which is a
// stream or a poll, and commands are requests, answered as a socket would.

import { Commands } from "./commands.js";
import { closeCodes, type Link, type LinkEvents, type Opener, type Target } from "./link.js";
import type { Platform } from "./platform.js";
import { parseMe, type Author, type ClientFrame } from "./protocol.js";
import type { Cursor, Guise, URLs } from "./urls.js";

// A Follower brings the events of one room at a time.
export interface Follower {
  // What has come so far; null before follow.
  readonly cursor: Cursor | null;
  // follow leaves the room of before.
  follow(room: string, cursor: Cursor, guise: Guise): void;
  // again asks anew from the cursor, which shows whether there still is a server.
  again(): void;
  close(): void;
}

export interface FollowerEvents extends LinkEvents {
  // opened tells, after follow and again, that events can come.
  opened(): void;
}

export interface HTTPOptions {
  readonly platform: Platform;
  readonly urls: URLs;
  readonly me: () => Author | null; // when it is known already
}

export type MakeFollower = (o: HTTPOptions, events: FollowerEvents) => Follower;

// httpOpener opens links over a kind of follower. ping is how many seconds it may be
// silent before it has to be asked.
export function httpOpener(o: HTTPOptions, make: MakeFollower, ping: number): Opener {
  return (target, events) => new HTTPLink(o, make, ping, target, events);
}

class HTTPLink implements Link {
  private readonly follower: Follower;
  private readonly commands: Commands;
  private me: Author | null = null;
  private room: string;
  private guise: Guise;
  private greeted = false;
  private open = true;
  // Frames that are answered once the follower is open.
  private joining: number | null = null;
  private pinged = false;

  constructor(private readonly o: HTTPOptions, make: MakeFollower, private readonly ping: number, target: Target, private readonly events: LinkEvents) {
    this.room = target.room;
    this.guise = target.guise;
    this.commands = new Commands({ ...o, guise: () => this.guise, answer: (f) => this.open && events.frame(f) });
    this.follower = make(o, {
      opened: () => this.open && this.opened(),
      frame: (f) => this.open && events.frame(f),
      heard: () => this.open && events.heard(),
      closed: (code, retryAfter) => this.fail(code, retryAfter),
    });
    void this.begin(target);
  }

  send(frame: ClientFrame): boolean {
    switch (frame.type) {
      case "ping":
        this.pinged = true;
        this.follower.again();
        break;
      case "join":
        this.join(frame);
        break;
      case "leave":
        this.events.frame({ type: "ok", ref: frame.ref });
        break;
      case "me":
        this.guise = { name: frame.name, hue: frame.hue ?? null };
        this.events.frame({ type: "ok", ref: frame.ref });
        break;
      case "signal":
        break; // there is no request for it; signals may be lost
      default:
        this.commands.run(frame);
    }
    return true;
  }

  close(): void {
    this.open = false;
    this.follower.close();
  }

  // begin follows once it is known who asks, so that hello is the first that is heard.
  private async begin({ room, cursor, guise }: Target): Promise<void> {
    try {
      this.me = this.o.me() ?? (await this.whoAmI());
    } catch {
      this.fail(closeCodes.lost);
    }
    if (this.open) this.follower.follow(room, cursor, guise);
  }

  private async whoAmI(): Promise<Author> {
    const { status, body } = await this.o.platform.fetch(this.o.urls.me(this.guise));
    const author = status === 200 ? parseMe(body) : null;
    if (!author) throw new Error(`me: status ${status}`);
    return author;
  }

  // Of the rooms that one isn't in nothing comes this way.
  private join(f: Extract<ClientFrame, { type: "join" }>): void {
    const at = this.follower.cursor;
    const same = f.room === this.room && f.after === at?.after && f.epoch === at?.epoch;
    if (f.quiet === true || f.after === undefined || f.epoch === undefined || same) {
      this.events.frame({ type: "ok", ref: f.ref, room: f.room });
      return;
    }
    this.room = f.room;
    this.joining = f.ref;
    this.follower.follow(f.room, { after: f.after, epoch: f.epoch }, this.guise);
  }

  private opened(): void {
    const { me, joining, pinged } = this;
    this.joining = null;
    this.pinged = false;
    this.events.heard();
    if (!this.greeted && me) {
      this.greeted = true;
      this.events.frame({ type: "hello", author: me, ping: this.ping });
    }
    if (joining !== null) this.events.frame({ type: "ok", ref: joining, room: this.room });
    if (pinged) this.events.frame({ type: "pong" });
  }

  private fail(code: number, retryAfter?: number): void {
    if (!this.open) return;
    this.close();
    this.events.closed(code, retryAfter);
  }
}
