// Server-sent events as they stand in a text/event-stream. An EventSource would not do:
// it tells nothing of comments, which are all that says that a quiet stream still lives.

export interface SSEvent {
  readonly event: string; // "message" when the stream didn't say
  readonly data: string;
  readonly id: string; // the last one that was told
}

// More than any event of the protocol; a stream that says more in one is broken.
const maxEvent = 4 << 20;

export class SSEParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private size = 0;
  private id = "";

  // push takes the next piece of the stream, cut anywhere, and gives the events that it
  // completes. It throws when one gets too long.
  push(text: string): SSEvent[] {
    const events: SSEvent[] = [];
    const whole = this.rest + text;
    let start = 0;
    for (const { index, 0: end } of whole.matchAll(/\r\n|\n|\r/g)) {
      // The "\n" that belongs to it may come with the next piece.
      if (end === "\r" && index === whole.length - 1) break;
      this.line(whole.slice(start, index), events);
      start = index + end.length;
    }
    this.rest = whole.slice(start);
    if (this.rest.length + this.size > maxEvent) throw new Error("event stream: event too long");
    return events;
  }

  private line(line: string, events: SSEvent[]): void {
    if (line === "") {
      if (this.data.length) events.push({ event: this.event || "message", data: this.data.join("\n"), id: this.id });
      this.event = "";
      this.data = [];
      this.size = 0;
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    else if (field === "id") this.id = value;
    else if (field === "data") {
      this.data.push(value);
      this.size += value.length;
    }
  }
}
