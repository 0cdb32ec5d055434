// The state of the open room as a person sees it, and the one function that changes it.
// Everything that happens is an Action; what is drawn is drawn from RoomState alone.

import { amended, wished, type Message, type Wish } from "./message.js";
import type { Author, EventsPage, Position, RoomEvent } from "./protocol.js";
import type { Cursor } from "./urls.js";
import * as win from "./window.js";
import type { Line, Row, Window } from "./window.js";

// Live events that are remembered, so that a page which was read before they came can be
// brought up to date.
const maxRecent = 1000;
const maxPeople = 50;
const maxQuoted = 400; // more than a window can name

export type PendingStatus =
  | { readonly kind: "waiting" } // for its turn, or for the connection
  | { readonly kind: "sending" }
  | { readonly kind: "slowed"; readonly until: number } // the server asked for patience
  | { readonly kind: "accepted"; readonly offset: number } // on disk; its event is on the way
  | { readonly kind: "failed"; readonly code: string };

// A post of ours that its event hasn't confirmed yet.
export interface Pending {
  readonly id: string;
  readonly text: string;
  readonly time: number;
  readonly reply: number | null;
  readonly status: PendingStatus;
}

export interface RoomState {
  readonly room: string; // canonical name
  readonly loaded: boolean; // something is there to show
  readonly kept: boolean; // what is shown is this device's copy: the server hasn't answered yet
  readonly feed: readonly Row[]; // the window with what is under way
  readonly pending: readonly Pending[]; // drawn after the feed when attached
  readonly attached: boolean; // the window reaches the head
  readonly hasOlder: boolean;
  readonly loadingOlder: boolean;
  readonly loadingNewer: boolean;
  readonly head: number; // newest offset heard of
  readonly read: number; // my read mark as known here
  readonly unreadFrom: number | null; // the "new messages" line stands before the first message of others from here on
  readonly missed: number; // messages of others that came below what is seen
  readonly people: readonly Author[]; // who is here, as far as names are told; oneself first
  readonly count: number | null;
  readonly typing: readonly Author[]; // others
  readonly quoted: ReadonlyMap<number, Message | null>; // null: gone or not there
  readonly target: { readonly offset: number; readonly n: number } | null; // scroll there; n counts up with each wish
  readonly failure: { readonly code: string; readonly n: number } | null; // of an edit, a deletion, a reaction

  // The client's own.
  readonly me: string; // id; "" while it isn't known
  readonly cursor: Cursor | null; // of the live events; null: load the newest page first
  readonly stale: boolean; // the newest page has to be loaded before live events can be shown
  readonly gap: boolean; // an event was missing: resume from the cursor
  readonly floor: number; // oldest offset that the server keeps
  readonly window: Window;
  readonly recent: readonly RoomEvent[];
  readonly wishes: readonly Wish[];
  readonly visible: boolean;
  readonly atEnd: boolean;
  readonly present: boolean; // presence was told since the room was joined
  readonly lines: number; // how many lines ever, for their keys
  readonly told: Line["what"] | null; // by the last line
}

export type Action =
  | { readonly type: "me"; readonly me: Author }
  | { readonly type: "kept"; readonly page: Pick<EventsPage, "floor">; readonly window: Window }
  | { readonly type: "loaded"; readonly page: EventsPage; readonly target?: number } // replaces the window
  | { readonly type: "older" | "newer"; readonly page: EventsPage | null } // null: it couldn't be read
  | { readonly type: "loading"; readonly which: "older" | "newer" }
  | { readonly type: "reset"; readonly position: Position }
  | { readonly type: "events"; readonly events: readonly RoomEvent[] }
  | { readonly type: "joined"; readonly position: Position | undefined }
  | { readonly type: "mark"; readonly read: number; readonly unread: boolean } // on entering: unread: there are some by others past it
  | { readonly type: "read"; readonly offset: number }
  | { readonly type: "posted" }
  | { readonly type: "seen"; readonly visible: boolean; readonly atEnd: boolean }
  | { readonly type: "presence"; readonly count: number; readonly joined: readonly Author[]; readonly left: readonly Author[] }
  | { readonly type: "typing"; readonly author: Author; readonly on: boolean }
  | { readonly type: "quoted"; readonly messages: ReadonlyMap<number, Message | null>; readonly head: number }
  | { readonly type: "outbox"; readonly pending: readonly Pending[]; readonly wishes: readonly Wish[] }
  | { readonly type: "target"; readonly offset: number }
  | { readonly type: "failure"; readonly code: string }
  | { readonly type: "connection"; readonly up: boolean; readonly time: number }
  | { readonly type: "down" }; // the connection is gone, whatever it says of it

// entering is the room before anything is known of it. connected: it is entered over a
// connection that is there, which is no news.
export function entering(room: string, me: string, connected: boolean): RoomState {
  return {
    room,
    loaded: false,
    kept: false,
    feed: [],
    pending: [],
    attached: true,
    hasOlder: false,
    loadingOlder: false,
    loadingNewer: false,
    head: 0,
    read: 0,
    unreadFrom: null,
    missed: 0,
    people: [],
    count: null,
    typing: [],
    quoted: new Map(),
    target: null,
    failure: null,
    me,
    cursor: null,
    stale: true,
    gap: false,
    floor: 1,
    window: win.emptyWindow,
    recent: [],
    wishes: [],
    visible: false,
    atEnd: true,
    present: false,
    lines: 0,
    told: connected ? "connected" : null,
  };
}

export function reduce(state: RoomState, action: Action): RoomState {
  return derived(state, change(state, action));
}

function change(state: RoomState, action: Action): RoomState {
  switch (action.type) {
    case "me":
      return { ...state, me: action.me.id, people: state.people.map((p) => (p.id === action.me.id ? action.me : p)) };
    case "kept":
      return state.loaded ? state : { ...state, kept: true, loaded: true, window: action.window, floor: action.page.floor };
    case "loaded":
      return loaded(state, action.page, action.target);
    case "older":
    case "newer":
      return paged(state, action.type, action.page);
    case "loading":
      return action.which === "older" ? { ...state, loadingOlder: true } : { ...state, loadingNewer: true };
    case "reset": {
      // What is on the screen stays until the new page is there: no flash.
      const { epoch, head, floor } = action.position;
      return { ...state, cursor: { after: head, epoch }, stale: true, gap: false, head, floor, recent: [], quoted: new Map() };
    }
    case "events":
      return live(state, action.events);
    case "joined":
      return { ...state, present: false, head: Math.max(state.head, action.position?.head ?? 0), floor: action.position?.floor ?? state.floor };
    case "mark":
      return { ...state, read: action.read, unreadFrom: action.unread ? action.read + 1 : null };
    case "read":
      return action.offset > state.read ? { ...state, read: action.offset } : state;
    case "posted":
      return { ...state, unreadFrom: null };
    case "outbox":
      return { ...state, pending: action.pending, wishes: action.wishes };
    case "target":
      return { ...state, target: { offset: action.offset, n: (state.target?.n ?? 0) + 1 } };
    case "failure":
      return { ...state, failure: { code: action.code, n: (state.failure?.n ?? 0) + 1 } };
    case "connection":
      return connectionChanged(state, action.up, action.time);
    case "down":
      return state.count === null && state.typing.length === 0 ? state : { ...state, count: null, people: [], typing: [], present: false };
    case "quoted":
      return quoted(state, action.messages, action.head);
    default:
      return met(state, action);
  }
}

// met is what happens among people.
function met(state: RoomState, action: Extract<Action, { type: "seen" | "presence" | "typing" }>): RoomState {
  switch (action.type) {
    case "seen": {
      const { visible, atEnd } = action;
      const missed = atEnd && state.attached ? 0 : state.missed;
      return visible === state.visible && atEnd === state.atEnd && missed === state.missed ? state : { ...state, visible, atEnd, missed };
    }
    case "presence":
      return presence(state, action.count, action.joined, action.left);
    case "typing": {
      const others = state.typing.filter((a) => a.id !== action.author.id);
      return { ...state, typing: action.on ? [...others, action.author] : others };
    }
  }
}

// derived fills in what follows from the rest. Rows that nothing happened to stay the
// same objects, so that who draws them can tell.
function derived(was: RoomState, state: RoomState): RoomState {
  if (state === was) return was;
  const after = state.cursor?.after ?? 0;
  const attached = state.stale || state.window.last >= after;
  const hasOlder = !state.stale && state.window.first > state.floor;
  const same = state.window.rows === was.window.rows && state.wishes === was.wishes && state.me === was.me;
  const { rows } = state.window;
  const touched = new Set(state.wishes.map((w) => w.target));
  const feed = same ? was.feed : touched.size === 0 ? rows : rows.map((r) => (r.kind === "message" && touched.has(r.offset) ? wished(r, state.wishes, state.me) : r));
  return { ...state, attached, hasOlder, feed, head: Math.max(state.head, after) };
}

// loaded replaces the window by a page: the newest one, or the one around a target. Lines
// about the connection would be nowhere among its messages, so only those after all
// messages stay.
function loaded(state: RoomState, page: EventsPage, target: number | undefined): RoomState {
  const shown = win.windowOf(page);
  const cursor = state.cursor ?? { after: shown.last, epoch: page.epoch };
  const current = upToDate(shown, state.recent, page.head);
  const reaches = current.last >= cursor.after;
  const window = reaches ? { ...current, rows: [...current.rows, ...win.linesAtEnd(state.window)] } : current;
  const next: RoomState = {
    ...state,
    loaded: true,
    kept: false,
    stale: false,
    cursor,
    gap: false,
    floor: page.floor,
    head: Math.max(page.head, cursor.after),
    window: win.trimOldest(window),
    missed: reaches ? 0 : state.missed,
  };
  if (target === undefined) return next;
  return { ...next, target: { offset: nearest(next.window, target), n: (state.target?.n ?? 0) + 1 } };
}

// nearest is the first message from an offset on, or the last of all: the offset may be
// one of an event that is no message.
function nearest(w: Window, offset: number): number {
  const messages = w.rows.filter((r) => r.kind === "message");
  return (messages.find((m) => m.offset >= offset) ?? messages.at(-1))?.offset ?? offset;
}

// upToDate brings what was read when the head stood there to what has come since. The
// messages that only came since are as they were then: all that changed them is applied.
function upToDate(w: Window, recent: readonly RoomEvent[], head: number): Window {
  const since = recent.filter((e) => e.offset > head || e.target > w.last);
  return win.amendedBy(win.appended(w, recent), since);
}

function paged(state: RoomState, which: "older" | "newer", page: EventsPage | null): RoomState {
  const next = which === "older" ? { ...state, loadingOlder: false } : { ...state, loadingNewer: false };
  if (!page || state.stale || page.epoch !== state.cursor?.epoch) return next;
  const { window } = state;
  const since = state.recent.filter((e) => e.offset > page.head);
  const longer = which === "older" ? win.amendedBy(win.prepended(window, page.events), since) : upToDate(win.appended(window, page.events), state.recent, page.head);
  return { ...next, floor: page.floor, head: Math.max(state.head, page.head), window: longer };
}

// live takes each offset once and in order. It stops at a hole and says so: what came
// after it will be sent again once the connection has resumed.
function live(state: RoomState, events: readonly RoomEvent[]): RoomState {
  if (!state.cursor) return state;
  let { after } = state.cursor;
  let gap = false;
  const fresh: RoomEvent[] = [];
  for (const e of events) {
    if (e.offset <= after) continue;
    if (e.offset > after + 1) {
      gap = true;
      break;
    }
    after = e.offset;
    fresh.push(e);
  }
  if (fresh.length === 0) return gap ? { ...state, gap } : state;
  const window = state.stale ? state.window : win.amendedBy(grown(state, fresh), fresh);
  const recent = [...state.recent, ...fresh].slice(-maxRecent);
  const authors = new Set(fresh.filter((e) => e.type === "message.posted").map((e) => e.author.id));
  const typing = state.typing.some((a) => authors.has(a.id)) ? state.typing.filter((a) => !authors.has(a.id)) : state.typing;
  return noticed({ ...state, gap, cursor: { ...state.cursor, after }, window, recent, typing, quoted: requoted(state.quoted, fresh) }, fresh);
}

// grown appends live events while the window reaches them, and has room for them or its
// reader at its end, from whom the oldest are farthest.
function grown(state: RoomState, fresh: readonly RoomEvent[]): Window {
  const { window, atEnd } = state;
  if (atEnd) return win.appended(window, fresh);
  let rows = window.rows.length;
  const fits = fresh.findIndex((e) => e.offset > window.last && e.type === "message.posted" && ++rows > win.maxRows);
  return win.appended(window, fits < 0 ? fresh : fresh.slice(0, fits));
}

// noticed counts what others wrote while it couldn't be seen.
function noticed(state: RoomState, fresh: readonly RoomEvent[]): RoomState {
  const theirs = fresh.filter((e) => e.type === "message.posted" && !e.deleted && e.author.id !== state.me);
  const first = theirs[0];
  if (!first) return state;
  const below = !state.atEnd || state.window.last < (state.cursor?.after ?? 0);
  const missed = below ? state.missed + theirs.length : state.missed;
  const seenBefore = state.unreadFrom === null || state.unreadFrom <= state.read;
  const unreadFrom = !state.visible && seenBefore ? first.offset : state.unreadFrom;
  return { ...state, missed, unreadFrom };
}

// quoted keeps what was fetched, brought up to date; the oldest go first.
function quoted(state: RoomState, messages: ReadonlyMap<number, Message | null>, head: number): RoomState {
  const all = [...state.quoted, ...requoted(messages, state.recent.filter((e) => e.offset > head))];
  return { ...state, quoted: new Map(all.slice(-maxQuoted)) };
}

function requoted(messages: ReadonlyMap<number, Message | null>, events: readonly RoomEvent[]): ReadonlyMap<number, Message | null> {
  let next: Map<number, Message | null> | null = null;
  for (const e of events) {
    const m: Message | null | undefined = (next ?? messages).get(e.target);
    const changed = m ? amended(m, e) : m;
    if (changed && changed !== m) (next ??= new Map(messages)).set(e.target, changed);
  }
  return next ?? messages;
}

// The first presence after joining says who is here; later ones who comes and goes. A
// changed name comes as one who joins under the same id.
function presence(state: RoomState, count: number, joined: readonly Author[], left: readonly Author[]): RoomState {
  const were = state.present ? state.people : [];
  const news = new Map(joined.map((a) => [a.id, a]));
  const gone = new Set(left.map((a) => a.id));
  const known = new Set(were.map((a) => a.id));
  const stay = were.filter((a) => !gone.has(a.id)).map((a) => news.get(a.id) ?? a);
  const people = [...stay, ...[...news.values()].filter((a) => !known.has(a.id) && !gone.has(a.id))];
  const oneselfFirst = [...people.filter((a) => a.id === state.me), ...people.filter((a) => a.id !== state.me)];
  return { ...state, present: true, count, people: oneselfFirst.slice(0, maxPeople) };
}

// The line says only what has changed since the last one said something.
function connectionChanged(state: RoomState, up: boolean, time: number): RoomState {
  const what: RoomState["told"] = up ? "connected" : state.told === "connected" ? "disconnected" : state.told;
  if (!what || what === state.told) return state;
  const next = { ...state, told: what };
  if (!state.attached) return next;
  const line: Line = { kind: "line", key: "l" + state.lines, what, time };
  return { ...next, lines: state.lines + 1, window: win.withLine(state.window, line) };
}

// quotedMessage is the message that a reply names; undefined while it is being read.
export function quotedMessage(state: RoomState, offset: number): Message | null | undefined {
  const shown = state.feed.find((r) => r.kind === "message" && r.offset === offset);
  return shown?.kind === "message" ? shown : state.quoted.get(offset);
}
