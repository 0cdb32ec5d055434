// A message, and what later events make of it.

import type { Node } from "./body.js";
import type { Author, Emoji, Reaction, RoomEvent } from "./protocol.js";

export interface Message {
  readonly kind: "message";
  readonly key: string;
  readonly offset: number;
  readonly id: string;
  readonly author: Author;
  readonly text: string;
  readonly body: readonly Node[] | null;
  readonly time: number;
  readonly deleted: boolean;
  readonly edited: number | null; // when
  readonly reply: number | null; // offset of the message that it answers
  readonly reactions: readonly Reaction[];
  readonly busy: boolean; // something of ours is under way on it, and shown already
}

// What somebody wants done to a message, until the log says so too.
export type Wish = { readonly target: number } & (
  | { readonly kind: "edit"; readonly text: string }
  | { readonly kind: "delete" }
  | { readonly kind: "react"; readonly emoji: Emoji; readonly on: boolean }
);

const noReactions: readonly Reaction[] = [];

export function messageOf(e: RoomEvent): Message {
  const { offset, id, author, deleted } = e;
  const message: Message = {
    kind: "message",
    key: "m" + offset,
    offset,
    id,
    author,
    text: e.text ?? "",
    body: e.body,
    time: Date.parse(e.time) || 0,
    deleted,
    edited: e.edited === null ? null : Date.parse(e.edited) || 0,
    reply: e.reply,
    reactions: e.reactions,
    busy: false,
  };
  return deleted ? gone(message) : message;
}

// amended is the message after an event that has it as its target. It may have come
// before, or be in the message already, since reads give messages as they are: then it
// changes nothing.
export function amended(m: Message, e: RoomEvent): Message {
  if (m.deleted) return m;
  switch (e.type) {
    case "message.edited":
      // Without a text it was superseded: what came after it is here or on its way.
      return e.text === null ? m : rewritten(m, e.text, e.body, Date.parse(e.time) || 0);
    case "message.deleted":
      return gone(m);
    case "message.reacted":
      return reacted(m, e.emoji, e.author.id, e.on);
    default:
      return m;
  }
}

// wished is the message as it will be when what is under way has happened.
export function wished(m: Message, wishes: readonly Wish[], me: string): Message {
  let next = m;
  for (const w of wishes) {
    if (w.target !== m.offset || next.deleted) continue;
    if (w.kind === "edit") next = rewritten(next, w.text, null, next.edited ?? next.time);
    else if (w.kind === "delete") next = gone(next);
    else next = reacted(next, w.emoji, me, w.on);
    next = { ...next, busy: true };
  }
  return next;
}

function rewritten(m: Message, text: string, body: readonly Node[] | null, edited: number): Message {
  if (m.text === text && m.edited === edited) return m;
  return { ...m, text, body, edited };
}

function gone(m: Message): Message {
  return { ...m, deleted: true, text: "", body: null, edited: null, reply: null, reactions: noReactions };
}

function reacted(m: Message, emoji: Emoji, author: string, on: boolean): Message {
  const had = m.reactions.find((r) => r.emoji === emoji);
  if ((had?.authors.includes(author) ?? false) === on) return m;
  if (!had) return { ...m, reactions: [...m.reactions, { emoji, authors: [author] }] };
  const authors = on ? [...had.authors, author] : had.authors.filter((a) => a !== author);
  const reactions = m.reactions.map((r) => (r === had ? { emoji, authors } : r)).filter((r) => r.authors.length > 0);
  return { ...m, reactions };
}

// written is the message as an event again, which is how a copy of it is kept.
export function written(m: Message): object {
  const { offset, id, author, text, body, deleted, reply, reactions } = m;
  const edited = m.edited === null ? null : new Date(m.edited).toISOString();
  return { type: "message.posted", offset, id, author, text, body, deleted, reply, reactions, edited, time: new Date(m.time).toISOString() };
}
