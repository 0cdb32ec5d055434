// What goes over the wire, after docs/protocol.md: types, a validating parser for
// what the server says, and an encoder for what the page says. Knows no DOM.

import { parseBody, type Node } from "./body.js";
import { count, isObject, num, opt, parseObject, str, type Fields } from "./json.js";

export type Emoji = string;

export interface Author {
  readonly id: string;
  readonly name: string;
  readonly hue?: number; // 0–359, their own; absent: none chosen
}

export interface Reaction {
  readonly emoji: Emoji;
  readonly authors: readonly string[]; // ids
}

// An entry of a room's log. Kinds that this client doesn't know are kept as
// events without a body, since their offsets count all the same.
export interface RoomEvent {
  readonly offset: number;
  readonly type: string;
  readonly id: string;
  readonly author: Author;
  readonly text: string | null; // null: it has none
  readonly body: readonly Node[] | null;
  readonly time: string;
  readonly deleted: boolean;
  readonly edited: string | null;
  readonly reply: number | null;
  readonly reactions: readonly Reaction[];
  readonly target: number; // of an edit, a deletion, a reaction: the message's offset; 0: none
  readonly emoji: Emoji;
  readonly on: boolean;
}

// Where a room's log stands.
export interface Position {
  readonly epoch: string;
  readonly head: number;
  readonly floor: number;
}

// A page's events are dense: each offset is the one before and 1.
export interface EventsPage extends Position {
  readonly room: string;
  readonly events: readonly RoomEvent[];
}

export type Level = "all" | "mentions" | "none";

// A room of one's own, as GET /me/rooms tells it.
export interface MyRoom {
  readonly room: string;
  readonly epoch: string;
  readonly head: number;
  readonly read: number;
  readonly unread: number; // 100: that many or more
  readonly level: Level;
  readonly last: number; // when its newest message was written, ms; 0: none yet
}

export type ServerFrame =
  | { readonly type: "hello"; readonly author: Author; readonly ping: number; readonly room?: string; readonly position?: Position }
  | { readonly type: "ok"; readonly ref: number; readonly room?: string; readonly offset?: number; readonly position?: Position }
  | { readonly type: "error"; readonly ref?: number; readonly code: string; readonly detail: string; readonly retryAfter?: number }
  | { readonly type: "events"; readonly room: string; readonly events: readonly RoomEvent[] }
  | { readonly type: "reset"; readonly room: string; readonly position: Position }
  | { readonly type: "read"; readonly room: string; readonly offset: number; readonly level?: Level }
  | { readonly type: "signal"; readonly room: string; readonly kind: string; readonly author?: Author }
  | { readonly type: "presence"; readonly room: string; readonly count: number; readonly joined: readonly Author[]; readonly left: readonly Author[] }
  | { readonly type: "pong" }
  | { readonly type: "bye"; readonly code: string; readonly retryAfter?: number };

// Property order is the order on the wire: JSON.stringify keeps it.
export type ClientFrame =
  | { readonly type: "join"; readonly ref: number; readonly room: string; readonly after?: number; readonly epoch?: string; readonly quiet?: boolean }
  | { readonly type: "leave"; readonly ref: number; readonly room: string }
  | { readonly type: "post"; readonly ref: number; readonly room: string; readonly id: string; readonly text: string; readonly reply?: number }
  | { readonly type: "edit"; readonly ref: number; readonly room: string; readonly id: string; readonly target: number; readonly text: string }
  | { readonly type: "delete"; readonly ref: number; readonly room: string; readonly id: string; readonly target: number }
  | { readonly type: "react"; readonly ref: number; readonly room: string; readonly id: string; readonly target: number; readonly emoji: Emoji; readonly on: boolean }
  | { readonly type: "read"; readonly room: string; readonly offset: number }
  | { readonly type: "me"; readonly ref: number; readonly name: string; readonly hue?: number }
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

// The order of a frame's fields on the wire, as the golden files have it.
const order = ["type", "ref", "room", "after", "epoch", "quiet", "id", "target", "text", "reply", "emoji", "on", "offset", "name", "hue", "kind"];

// encode writes a frame as the golden files have it: compact, fields in order.
export function encode(frame: ClientFrame): string {
  return JSON.stringify(frame, order);
}

// parseFrame gives null for what isn't a frame or isn't a kind known here: a
// client ignores those, so that a newer server can say more.
export function parseFrame(data: string): ServerFrame | null {
  const f = parseObject(data);
  if (!f) return null;
  switch (f.type) {
    case "hello": {
      const author = parseAuthor(f.author);
      return author && { type: "hello", author, ping: num(f.ping) ?? 25, ...opt("room", str(f.room)), ...opt("position", parsePosition(f)) };
    }
    case "ok": {
      const ref = num(f.ref);
      if (ref === undefined) return null;
      return { type: "ok", ref, ...opt("room", str(f.room)), ...opt("offset", count(f.offset)), ...opt("position", parsePosition(f)) };
    }
    case "error":
      return { type: "error", code: str(f.code) ?? "error", detail: str(f.detail) ?? "", ...opt("ref", num(f.ref)), ...opt("retryAfter", num(f.retry_after)) };
    case "pong":
      return { type: "pong" };
    case "bye":
      return { type: "bye", code: str(f.code) ?? "", ...opt("retryAfter", num(f.retry_after)) };
    default:
      return parseRoomFrame(f);
  }
}

function parseRoomFrame(f: Fields): ServerFrame | null {
  const room = str(f.room);
  if (room === undefined) return null;
  switch (f.type) {
    case "events": {
      const events = parseEvents(f.events);
      return events && { type: "events", room, events };
    }
    case "reset": {
      const position = parsePosition(f);
      return position ? { type: "reset", room, position } : null;
    }
    case "read": {
      const offset = count(f.offset);
      return offset === undefined ? null : { type: "read", room, offset, ...opt("level", parseLevel(f.level)) };
    }
    case "signal": {
      const kind = str(f.kind);
      return kind === undefined ? null : { type: "signal", room, kind, ...opt("author", parseAuthor(f.author) ?? undefined) };
    }
    case "presence": {
      const here = count(f.count);
      return here === undefined ? null : { type: "presence", room, count: here, joined: parseAuthors(f.joined), left: parseAuthors(f.left) };
    }
    default:
      return null;
  }
}

// parsePage reads the answer of GET …/events; null when it isn't one.
export function parsePage(body: string): EventsPage | null {
  return pageOf(parseObject(body));
}

// pageOf reads a page that is an object already.
export function pageOf(v: unknown): EventsPage | null {
  if (!isObject(v)) return null;
  const room = str(v.room);
  const position = parsePosition(v);
  const events = parseEvents(v.events);
  if (room === undefined || !position || !events) return null;
  const dense = events.every((e, i) => i === 0 || e.offset === (events[i - 1]?.offset ?? 0) + 1);
  return dense ? { room, ...position, events } : null;
}

// parseProblem reads an error's body, which may be anything when a proxy wrote it.
export function parseProblem(status: number, body: string): Problem {
  const f = parseObject(body) ?? {};
  return { status, code: str(f.code) ?? "http_" + status, detail: str(f.detail) ?? "", ...opt("position", parsePosition(f)) };
}

// parseMe reads the answer of GET /me.
export function parseMe(body: string): Author | null {
  return parseAuthor(parseObject(body)?.author);
}

// parseMyRooms reads the answer of GET /me/rooms; null when it isn't one.
export function parseMyRooms(body: string): readonly MyRoom[] | null {
  const rooms = parseObject(body)?.rooms;
  return Array.isArray(rooms) ? rooms.map(myRoomOf).filter((r) => r !== null) : null;
}

export function myRoomOf(v: unknown): MyRoom | null {
  if (!isObject(v)) return null;
  const room = str(v.room);
  const head = count(v.head);
  if (room === undefined || head === undefined) return null;
  return {
    room,
    epoch: str(v.epoch) ?? "",
    head,
    read: count(v.read) ?? 0,
    unread: count(v.unread) ?? 0,
    level: parseLevel(v.level) ?? "all",
    last: num(v.last) ?? (Date.parse(str(v.last) ?? "") || 0),
  };
}

function parseLevel(v: unknown): Level | undefined {
  return v === "all" || v === "mentions" || v === "none" ? v : undefined;
}

export function parseEvents(v: unknown): readonly RoomEvent[] | null {
  if (!Array.isArray(v)) return null;
  const events = v.map(eventOf);
  // One that can't be read makes the whole list unreadable: to skip it would be a silent gap.
  return events.every((e) => e !== null) ? events : null;
}

// parseEvent reads the answer to a post or an amendment.
export function parseEvent(body: string): RoomEvent | null {
  return eventOf(parseObject(body));
}

function eventOf(v: unknown): RoomEvent | null {
  if (!isObject(v)) return null;
  const offset = count(v.offset);
  const type = str(v.type);
  if (offset === undefined || offset < 1 || type === undefined) return null;
  const deleted = v.deleted === true;
  return {
    offset,
    type,
    id: str(v.id) ?? "",
    author: parseAuthor(v.author) ?? { id: "", name: "" },
    text: str(v.text) ?? null,
    body: deleted ? null : parseBody(v.body),
    time: str(v.time) ?? "",
    deleted,
    edited: str(v.edited) ?? null,
    reply: count(v.reply) || null,
    reactions: parseReactions(v.reactions),
    target: count(v.target) ?? 0,
    emoji: str(v.emoji) ?? "",
    on: v.on === true,
  };
}

function parseReactions(v: unknown): readonly Reaction[] {
  if (!Array.isArray(v)) return none;
  const reactions = v.flatMap((r: unknown) => {
    if (!isObject(r) || typeof r.emoji !== "string" || !Array.isArray(r.authors)) return [];
    const authors = [...new Set(r.authors.filter((a) => typeof a === "string"))];
    return authors.length ? [{ emoji: r.emoji, authors }] : [];
  });
  const seen = new Set<string>();
  return reactions.filter((r) => !seen.has(r.emoji) && seen.add(r.emoji));
}

const none: readonly Reaction[] = [];

function parsePosition(f: Fields): Position | undefined {
  const epoch = str(f.epoch);
  const head = count(f.head);
  const floor = count(f.floor);
  if (epoch === undefined || head === undefined || floor === undefined) return undefined;
  return { epoch, head, floor };
}

export function parseAuthor(v: unknown): Author | null {
  if (!isObject(v)) return null;
  const id = str(v.id);
  const name = str(v.name);
  if (id === undefined || name === undefined) return null;
  const hue = count(v.hue);
  return { id, name, ...opt("hue", hue !== undefined && hue < 360 ? hue : undefined) };
}

function parseAuthors(v: unknown): readonly Author[] {
  return Array.isArray(v) ? v.map(parseAuthor).filter((a) => a !== null) : [];
}
