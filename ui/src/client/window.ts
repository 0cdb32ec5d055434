// The part of a room's log that is shown: all messages from one offset to another, and
// lines about the connection among the newest. It is bounded; what is too much goes at
// the end that the reader is farther from.

import { amended, messageOf, type Message } from "./message.js";
import type { EventsPage, RoomEvent } from "./protocol.js";

export const maxRows = 300;
// A night of broken networks shouldn't leave a screenful of connection lines.
const maxRunOfLines = 4;

// A line about the connection, where it happened among the messages.
export interface Line {
  readonly kind: "line";
  readonly key: string;
  readonly what: "connected" | "disconnected";
  readonly time: number;
}

export type Row = Message | Line;

export interface Window {
  readonly rows: readonly Row[];
  // What it covers, both ends included; not each offset is a message. last is first - 1
  // when it covers nothing.
  readonly first: number;
  readonly last: number;
}

export const emptyWindow: Window = { rows: [], first: 1, last: 0 };

export function windowOf(page: EventsPage): Window {
  const first = page.events[0]?.offset ?? page.head + 1;
  return { rows: messagesOf(page.events), first, last: page.events.at(-1)?.offset ?? page.head };
}

function messagesOf(events: readonly RoomEvent[]): Message[] {
  return events.filter((e) => e.type === "message.posted").map(messageOf);
}

// prepended puts a page before the window; the newest rows go.
export function prepended(w: Window, events: readonly RoomEvent[]): Window {
  const older = events.filter((e) => e.offset < w.first);
  if (older.at(-1)?.offset !== w.first - 1) return w;
  const whole = { rows: [...messagesOf(older), ...w.rows], first: older[0]?.offset ?? w.first, last: w.last };
  return trimNewest(whole);
}

// appended puts a page, or live events, after the window; the oldest rows go.
export function appended(w: Window, events: readonly RoomEvent[]): Window {
  const newer = events.filter((e) => e.offset > w.last);
  if (newer[0]?.offset !== w.last + 1) return w;
  const posted = messagesOf(newer);
  const rows = posted.length ? [...w.rows, ...posted] : w.rows;
  return trimOldest({ rows, first: w.first, last: newer.at(-1)?.offset ?? w.last });
}

export function withLine(w: Window, line: Line): Window {
  return trimOldest({ ...w, rows: shortenRun([...w.rows, line]) });
}

// linesAtEnd are the lines after all messages: in another window they'd still be there.
export function linesAtEnd(w: Window): readonly Row[] {
  return w.rows.slice(w.rows.findLastIndex((r) => r.kind === "message") + 1);
}

export function find(w: Window, offset: number): Message | null {
  const row = w.rows[indexOf(w.rows, offset)];
  return row?.kind === "message" ? row : null;
}

// amendedBy applies the events that change messages of the window.
export function amendedBy(w: Window, events: readonly RoomEvent[]): Window {
  let rows: Row[] | null = null;
  for (const e of events) {
    if (e.target < w.first || e.target > w.last) continue;
    const current: readonly Row[] = rows ?? w.rows;
    const i = indexOf(current, e.target);
    const row = current[i];
    if (row?.kind !== "message") continue;
    const next = amended(row, e);
    if (next === row) continue;
    rows ??= [...w.rows];
    rows[i] = next;
  }
  return rows ? { ...w, rows } : w;
}

// indexOf looks from the end: most of what happens, happens to what is new.
function indexOf(rows: readonly Row[], offset: number): number {
  return rows.findLastIndex((r) => r.kind === "message" && r.offset === offset);
}

export function trimOldest(w: Window): Window {
  const over = w.rows.length - maxRows;
  if (over <= 0) return w;
  const last = w.rows.slice(0, over).findLast((r) => r.kind === "message");
  return { ...w, rows: w.rows.slice(over), first: last ? last.offset + 1 : w.first };
}

function trimNewest(w: Window): Window {
  if (w.rows.length <= maxRows) return w;
  const cut = w.rows.slice(maxRows).find((r) => r.kind === "message");
  return { ...w, rows: w.rows.slice(0, maxRows), last: cut ? cut.offset - 1 : w.last };
}

// shortenRun drops the oldest pair of too long a run of lines at the end.
function shortenRun(rows: Row[]): Row[] {
  const start = rows.findLastIndex((r) => r.kind === "message") + 1;
  if (rows.length - start > maxRunOfLines) rows.splice(start, 2);
  return rows;
}
