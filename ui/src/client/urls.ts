// The addresses that the client asks, below the base path that the server runs under.

export interface Cursor {
  readonly after: number;
  readonly epoch: string;
}

// How others see who asks.
export interface Guise {
  readonly name: string;
  readonly hue: number | null;
}

export class URLs {
  // origin is http://host or https://host; base "" or "/chat".
  constructor(private readonly origin: string, private readonly base: string) {}

  // A room's path, for links on a page of the same origin.
  page(room: string): string {
    return `${this.base}/room/${encodeURIComponent(room)}/`;
  }

  permalink(room: string, offset: number): string {
    return `${this.origin}${this.page(room)}#${offset}`;
  }

  socket(guise: Guise): string {
    return this.origin.replace(/^http/, "ws") + this.base + "/ws" + query(of(guise));
  }

  newest(room: string, limit: number): string {
    return this.events(room, { last: limit });
  }

  before(room: string, offset: number, limit: number): string {
    return this.events(room, { before: offset, limit });
  }

  after(room: string, cursor: Cursor, limit: number): string {
    return this.events(room, { ...cursor, limit });
  }

  at(room: string, ms: number, limit: number): string {
    return this.events(room, { at: new Date(ms).toISOString(), limit });
  }

  // wait is how many seconds the server may hold the answer back until there is something.
  poll(room: string, cursor: Cursor, wait: number, guise: Guise): string {
    return this.events(room, { ...cursor, wait, ...of(guise) });
  }

  stream(room: string, cursor: Cursor, guise: Guise): string {
    return this.events(room, { ...cursor, ...of(guise) });
  }

  messages(room: string, guise: Guise): string {
    return `${this.origin}${this.page(room)}messages${query(of(guise))}`;
  }

  message(room: string, offset: number, guise: Guise): string {
    return `${this.origin}${this.page(room)}messages/${offset}${query(of(guise))}`;
  }

  reaction(room: string, offset: number, emoji: string, guise: Guise): string {
    return `${this.origin}${this.page(room)}messages/${offset}/reactions/${encodeURIComponent(emoji)}${query(of(guise))}`;
  }

  me(guise: Guise): string {
    return `${this.origin}${this.base}/me${query(of(guise))}`;
  }

  myRooms(): string {
    return `${this.origin}${this.base}/me/rooms`;
  }

  myRoom(room: string): string {
    return `${this.myRooms()}/${encodeURIComponent(room)}`;
  }

  private events(room: string, parameters: Parameters): string {
    return `${this.origin}${this.page(room)}events${query(parameters)}`;
  }
}

type Parameters = Readonly<Record<string, string | number | null>>;

function of(guise: Guise): Parameters {
  return { name: guise.name === "" ? null : guise.name, hue: guise.hue };
}

function query(parameters: Parameters): string {
  const pairs = Object.entries(parameters).flatMap(([k, v]) => (v === null ? [] : [`${k}=${encodeURIComponent(v)}`]));
  return pairs.length ? "?" + pairs.join("&") : "";
}
