// The URLs of one room, below the base path that the server runs under.

export interface Cursor {
  readonly after: number;
  readonly epoch: string;
}

export class RoomURLs {
  private readonly path: string;

  // origin is http://host or https://host; segment is the room's name, percent-encoded.
  constructor(private readonly origin: string, base: string, segment: string) {
    this.path = `${base}/room/${segment}/`;
  }

  newest(count: number): string {
    return `${this.origin}${this.path}events?last=${count}`;
  }

  socket(cursor: Cursor, name: string): string {
    const query = new Query().add("after", String(cursor.after)).add("epoch", cursor.epoch);
    if (name !== "") query.add("name", name);
    return this.origin.replace(/^http/, "ws") + this.path + query;
  }
}

class Query {
  private readonly pairs: string[] = [];

  add(key: string, value: string): this {
    this.pairs.push(`${key}=${encodeURIComponent(value)}`);
    return this;
  }

  toString(): string {
    return this.pairs.length ? "?" + this.pairs.join("&") : "";
  }
}
