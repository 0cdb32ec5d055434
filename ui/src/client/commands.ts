// Commands as HTTP requests, each answered with the frame that a socket would bring.

import type { Platform, Request } from "./platform.js";
import { parseEvent, parseProblem, type ClientFrame, type ServerFrame } from "./protocol.js";
import type { Guise, URLs } from "./urls.js";

// Nobody said when to come again.
const patience = 2; // seconds

type Command = Extract<ClientFrame, { type: "post" | "edit" | "delete" | "react" | "read" }>;
type Amendment = Exclude<Command, { type: "read" }>;

export interface CommandOptions {
  readonly platform: Platform;
  readonly urls: URLs;
  readonly guise: () => Guise;
  readonly answer: (frame: ServerFrame) => void;
}

export class Commands {
  constructor(private readonly o: CommandOptions) {}

  run(frame: Command): void {
    if (frame.type === "read") void this.read(frame.room, frame.offset);
    else void this.ask(frame);
  }

  // read tells the server a mark, even one of the page's last moment. It isn't answered,
  // and a later one makes up for it.
  private async read(room: string, offset: number): Promise<void> {
    try {
      await this.o.platform.fetch(this.o.urls.myRoom(room), { method: "PUT", body: JSON.stringify({ read: offset }), keepalive: true });
    } catch {
      // Without the server there is nobody to tell.
    }
  }

  private async ask(frame: Amendment): Promise<void> {
    const { ref, room } = frame;
    try {
      const [url, request] = this.requestOf(frame);
      const { status, body, retryAfter } = await this.o.platform.fetch(url, request);
      const event = status === 200 || status === 201 ? parseEvent(body) : null;
      if (event) this.o.answer({ type: "ok", ref, room, offset: event.offset });
      else this.refused(ref, status, body, retryAfter);
    } catch {
      this.o.answer({ type: "error", ref, code: "unavailable", detail: "", retryAfter: patience });
    }
  }

  // What a proxy says in the server's place says nothing of the message.
  private refused(ref: number, status: number, body: string, retryAfter: number | undefined): void {
    const { code, detail } = parseProblem(status, body);
    const later = retryAfter ?? (status >= 500 || status === 429 || status === 408 || status < 300 ? patience : undefined);
    this.o.answer({ type: "error", ref, code, detail, ...(later !== undefined && { retryAfter: later }) });
  }

  private requestOf(f: Amendment): [url: string, request: Request] {
    const { urls } = this.o;
    const guise = this.o.guise();
    switch (f.type) {
      case "post":
        return [urls.messages(f.room, guise), { method: "POST", body: JSON.stringify({ text: f.text, id: f.id, reply: f.reply }) }];
      case "edit":
        return [urls.message(f.room, f.target, guise), { method: "PATCH", body: JSON.stringify({ text: f.text, id: f.id }) }];
      case "delete":
        return [urls.message(f.room, f.target, guise), { method: "DELETE", id: f.id }];
      case "react":
        return [urls.reaction(f.room, f.target, f.emoji, guise), { method: f.on ? "PUT" : "DELETE", id: f.id }];
    }
  }
}
