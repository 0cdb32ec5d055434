// What goes over the wire, after docs/protocol.md: types, a validating parser for
// what the server says, and an encoder for what the page says. Knows no DOM.

export interface Author {
  readonly id: string;
  readonly name: string;
}

// An entry of a room's log. Kinds that this client doesn't know are kept as
// events without a body, since their offsets count all the same.
export interface RoomEvent {
  readonly offset: number;
  readonly type: string;
  readonly id: string;
  readonly author: Author;
  readonly text: string;
  readonly time: string;
  readonly deleted: boolean;
}

// Where a room's log stands.
export interface Position {
  readonly epoch: string;
  readonly head: number;
  readonly floor: number;
}

export interface EventsPage extends Position {
  readonly room: string;
  readonly events: readonly RoomEvent[];
}

export type ServerFrame =
  | { readonly type: "hello"; readonly author: Author; readonly ping: number; readonly room?: string; readonly position?: Position }
  | { readonly type: "ok"; readonly ref: number; readonly room?: string; readonly offset?: number; readonly position?: Position }
  | { readonly type: "error"; readonly ref?: number; readonly code: string; readonly detail: string; readonly retryAfter?: number }
  | { readonly type: "events"; readonly room: string; readonly events: readonly RoomEvent[] }
  | { readonly type: "reset"; readonly room: string; readonly position: Position }
  | { readonly type: "signal"; readonly room: string; readonly kind: string; readonly author?: Author }
  | { readonly type: "presence"; readonly room: string; readonly count: number; readonly joined: readonly Author[]; readonly left: readonly Author[] }
  | { readonly type: "pong" }
  | { readonly type: "bye"; readonly code: string; readonly retryAfter?: number };

// Property order is the order on the wire: JSON.stringify keeps it.
export type ClientFrame =
  | { readonly type: "join"; readonly ref: number; readonly room: string; readonly after?: number; readonly epoch?: string }
  | { readonly type: "leave"; readonly ref: number; readonly room: string }
  | { readonly type: "post"; readonly ref: number; readonly room: string; readonly id: string; readonly text: string }
  | { readonly type: "signal"; readonly room: string; readonly kind: string }
  | { readonly type: "ping" };

// An error as application/problem+json tells it; a reset carries the new position.
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly position?: Position;
}

export const subprotocol = "teahouse.v1";

// encode writes a frame as the golden files have it: compact, keys in order.
export function encode(frame: ClientFrame): string {
  switch (frame.type) {
    case "join": {
      const { type, ref, room, after, epoch } = frame;
      return JSON.stringify({ type, ref, room, after, epoch });
    }
    case "leave": {
      const { type, ref, room } = frame;
      return JSON.stringify({ type, ref, room });
    }
    case "post": {
      const { type, ref, room, id, text } = frame;
      return JSON.stringify({ type, ref, room, id, text });
    }
    case "signal": {
      const { type, room, kind } = frame;
      return JSON.stringify({ type, room, kind });
    }
    case "ping":
      return '{"type":"ping"}';
  }
}

type Fields = Readonly<Record<string, unknown>>;

// parseFrame gives null for what isn't a frame or isn't a kind known here: a
// client ignores those, so that a newer server can say more.
export function parseFrame(data: string): ServerFrame | null {
  const f = parseObject(data);
  if (!f) return null;
  const room = str(f.room);
  switch (f.type) {
    case "hello": {
      const author = parseAuthor(f.author);
      return author && { type: "hello", author, ping: num(f.ping) ?? 25, ...opt("room", room), ...opt("position", parsePosition(f)) };
    }
    case "ok": {
      const ref = num(f.ref);
      if (ref === undefined) return null;
      return { type: "ok", ref, ...opt("room", room), ...opt("offset", num(f.offset)), ...opt("position", parsePosition(f)) };
    }
    case "error":
      return { type: "error", code: str(f.code) ?? "error", detail: str(f.detail) ?? "", ...opt("ref", num(f.ref)), ...opt("retryAfter", num(f.retry_after)) };
    case "events": {
      const events = parseEvents(f.events);
      return room !== undefined && events ? { type: "events", room, events } : null;
    }
    case "reset": {
      const position = parsePosition(f);
      return room !== undefined && position ? { type: "reset", room, position } : null;
    }
    case "signal": {
      const kind = str(f.kind);
      if (room === undefined || kind === undefined) return null;
      return { type: "signal", room, kind, ...opt("author", parseAuthor(f.author) ?? undefined) };
    }
    case "presence": {
      const count = num(f.count);
      if (room === undefined || count === undefined) return null;
      return { type: "presence", room, count, joined: parseAuthors(f.joined), left: parseAuthors(f.left) };
    }
    case "pong":
      return { type: "pong" };
    case "bye":
      return { type: "bye", code: str(f.code) ?? "", ...opt("retryAfter", num(f.retry_after)) };
    default:
      return null;
  }
}

// parsePage reads the answer of GET …/events; null when it isn't one.
export function parsePage(body: string): EventsPage | null {
  const f = parseObject(body);
  if (!f) return null;
  const room = str(f.room);
  const position = parsePosition(f);
  const events = parseEvents(f.events);
  return room !== undefined && position && events ? { room, ...position, events } : null;
}

// parseProblem reads an error's body, which may be anything when a proxy wrote it.
export function parseProblem(status: number, body: string): Problem {
  const f = parseObject(body) ?? {};
  return { status, code: str(f.code) ?? "http_" + status, detail: str(f.detail) ?? "", ...opt("position", parsePosition(f)) };
}

function parseEvents(v: unknown): readonly RoomEvent[] | null {
  if (!Array.isArray(v)) return null;
  const events = v.map(parseEvent);
  // One that can't be read makes the whole list unreadable: to skip it would be a silent gap.
  return events.every((e) => e !== null) ? events : null;
}

function parseEvent(v: unknown): RoomEvent | null {
  if (!isObject(v)) return null;
  const offset = num(v.offset);
  const type = str(v.type);
  if (offset === undefined || !Number.isSafeInteger(offset) || offset < 1 || type === undefined) return null;
  return {
    offset,
    type,
    id: str(v.id) ?? "",
    author: parseAuthor(v.author) ?? { id: "", name: "" },
    text: str(v.text) ?? "",
    time: str(v.time) ?? "",
    deleted: v.deleted === true,
  };
}

function parsePosition(f: Fields): Position | undefined {
  const epoch = str(f.epoch);
  const head = num(f.head);
  const floor = num(f.floor);
  if (epoch === undefined || head === undefined || floor === undefined) return undefined;
  return { epoch, head, floor };
}

function parseAuthor(v: unknown): Author | null {
  if (!isObject(v)) return null;
  const id = str(v.id);
  const name = str(v.name);
  return id !== undefined && name !== undefined ? { id, name } : null;
}

function parseAuthors(v: unknown): readonly Author[] {
  return Array.isArray(v) ? v.map(parseAuthor).filter((a) => a !== null) : [];
}

function parseObject(data: string): Fields | null {
  try {
    const v: unknown = JSON.parse(data);
    return isObject(v) ? v : null;
  } catch {
    return null;
  }
}

function isObject(v: unknown): v is Fields {
  return typeof v === "object" && v !== null && !Array.isArray(v);
}

function str(v: unknown): string | undefined {
  return typeof v === "string" ? v : undefined;
}

function num(v: unknown): number | undefined {
  return typeof v === "number" && Number.isFinite(v) ? v : undefined;
}

// opt leaves an absent field out, rather than present and undefined.
function opt<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
