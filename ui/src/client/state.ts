// The state of one room as a person sees it, and the one function that changes it.
// Everything that happens is an Action; what is drawn is drawn from RoomState alone.

import type { Author, EventsPage, RoomEvent } from "./protocol.js";
import type { Cursor } from "./urls.js";

// How many lines are kept; the oldest go first.
export const maxFeed = 300;
// A night of broken networks shouldn't leave a screenful of connection lines.
const maxRunOfLines = 4;

export interface Message {
  readonly kind: "message";
  readonly key: string;
  readonly offset: number;
  readonly id: string;
  readonly author: Author;
  readonly text: string;
  readonly time: number;
  readonly deleted: boolean;
}

// A line about the connection, where it happened among the messages.
export interface Line {
  readonly kind: "line";
  readonly key: string;
  readonly what: "connected" | "disconnected";
  readonly time: number;
}

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
  readonly status: PendingStatus;
}

export type Connection =
  | { readonly kind: "connecting" }
  | { readonly kind: "online" }
  | { readonly kind: "reconnecting"; readonly at: number } // when it tries next
  | { readonly kind: "offline"; readonly why: "user" | "refused" };

export interface RoomState {
  readonly cursor: Cursor | null; // null: load the newest page first
  readonly gap: boolean; // an event was missing: resume from the cursor
  readonly feed: readonly (Message | Line)[];
  readonly pending: readonly Pending[];
  readonly connection: Connection;
  readonly me: Author | null;
  readonly people: number | null;
  readonly lines: number; // how many lines ever, for their keys
  readonly told: Line["what"] | null; // by the last line
}

export type Action =
  | { readonly type: "loaded"; readonly page: EventsPage }
  | { readonly type: "reset" }
  | { readonly type: "events"; readonly events: readonly RoomEvent[] }
  | { readonly type: "hello"; readonly author: Author }
  | { readonly type: "presence"; readonly count: number }
  | { readonly type: "connection"; readonly connection: Connection; readonly time: number }
  | { readonly type: "queued"; readonly id: string; readonly text: string; readonly time: number }
  | { readonly type: "status"; readonly id: string; readonly status: PendingStatus }
  | { readonly type: "discarded"; readonly id: string };

export const initial: RoomState = {
  cursor: null,
  gap: false,
  feed: [],
  pending: [],
  connection: { kind: "connecting" },
  me: null,
  people: null,
  lines: 0,
  told: null,
};

export function reduce(state: RoomState, action: Action): RoomState {
  switch (action.type) {
    case "loaded":
      return loaded(state, action.page);
    case "reset":
      // What is on the screen stays until the new page is there: no flash.
      return { ...state, cursor: null, gap: false };
    case "events":
      return applyEvents(state, action.events);
    case "hello":
      return { ...state, me: action.author };
    case "presence":
      return { ...state, people: action.count };
    case "connection":
      return connectionChanged(state, action.connection, action.time);
    case "queued": {
      const { id, text, time } = action;
      return { ...state, pending: [...state.pending, { id, text, time, status: { kind: "waiting" } }] };
    }
    case "status":
      return settle({ ...state, pending: state.pending.map((p) => (p.id === action.id ? { ...p, status: action.status } : p)) });
    case "discarded":
      return { ...state, pending: state.pending.filter((p) => p.id !== action.id) };
  }
}

// A page replaces the messages, since it may be of another epoch; lines about the
// connection would be nowhere among them, so only the last, after all messages, stay.
function loaded(state: RoomState, page: EventsPage): RoomState {
  const first = page.events[0];
  const after = first ? first.offset - 1 : page.head;
  const tail: Line[] = [];
  for (let i = state.feed.length - 1; i >= 0; i--) {
    const item = state.feed[i];
    if (item?.kind !== "line") break;
    tail.unshift(item);
  }
  const emptied: RoomState = { ...state, feed: [], cursor: { after, epoch: page.epoch }, gap: false };
  const filled = applyEvents(emptied, page.events);
  return { ...filled, feed: bound([...filled.feed, ...tail]) };
}

// applyEvents takes each offset once and in order. It stops at a hole and says so:
// what came after it will be sent again once the connection has resumed.
function applyEvents(state: RoomState, events: readonly RoomEvent[]): RoomState {
  if (!state.cursor) return state;
  let after = state.cursor.after;
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
  const messages = fresh.filter((e) => e.type === "message.posted").map(messageOf);
  return settle({
    ...state,
    gap,
    cursor: { after, epoch: state.cursor.epoch },
    feed: messages.length ? bound([...state.feed, ...messages]) : state.feed,
    pending: state.pending.filter((p) => !fresh.some((e) => isOurs(state, e, p))),
  });
}

// Ids are an author's own: somebody else's event with our id confirms nothing.
function isOurs(state: RoomState, e: RoomEvent, p: Pending): boolean {
  return e.type === "message.posted" && e.id === p.id && (!state.me || e.author.id === state.me.id);
}

// settle drops posts whose event is behind the cursor, whether or not it was seen:
// a retry of an old post is answered with an offset that never comes again.
function settle(state: RoomState): RoomState {
  const after = state.cursor?.after ?? 0;
  const done = (p: Pending) => p.status.kind === "accepted" && p.status.offset <= after;
  return state.pending.some(done) ? { ...state, pending: state.pending.filter((p) => !done(p)) } : state;
}

function messageOf(e: RoomEvent): Message {
  const { offset, id, author, text, deleted } = e;
  return { kind: "message", key: "m" + offset, offset, id, author, text, time: Date.parse(e.time) || 0, deleted };
}

// A break that one made oneself, to come back under another name, goes from online over
// connecting to online and is no news.
function connectionChanged(state: RoomState, connection: Connection, time: number): RoomState {
  const { kind } = connection;
  const gone = kind === "reconnecting" || kind === "offline";
  const next = { ...state, connection, people: gone ? null : state.people };
  const what = kind === "online" ? "connected" : gone && state.told === "connected" ? "disconnected" : state.told;
  if (!what || what === state.told) return next;
  const line: Line = { kind: "line", key: "l" + state.lines, what, time };
  return { ...next, told: what, lines: state.lines + 1, feed: bound(shortenRun([...state.feed, line])) };
}

// shortenRun drops the oldest pair of too long a run of lines at the end.
function shortenRun(feed: (Message | Line)[]): (Message | Line)[] {
  let start = feed.length;
  while (start > 0 && feed[start - 1]?.kind === "line") start--;
  if (feed.length - start > maxRunOfLines) feed.splice(start, 2);
  return feed;
}

function bound(feed: (Message | Line)[]): (Message | Line)[] {
  return feed.length > maxFeed ? feed.slice(-maxFeed) : feed;
}
