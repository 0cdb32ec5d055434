// The feed as rows: what the client's state says, with the days and the line of what is
// new between them, and what of each row depends on its neighbours.

import type { Author, Line, Message, Pending, RoomState } from "../../client/app.js";
import { remember } from "../names.js";
import { dayOf } from "../when.js";

// Messages of one author within this time stand under one name.
const runTime = 5 * 60_000;

export type FeedRow =
  | { readonly kind: "day"; readonly key: string; readonly time: number }
  | { readonly kind: "unread"; readonly key: string }
  | { readonly kind: "line"; readonly key: string; readonly item: Line }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly item: Message | Pending;
      readonly author: Author;
      readonly mine: boolean;
      readonly run: boolean; // goes on under the name above
      readonly quoted: Message | null | undefined; // undefined: none, or still looked for
    };

const unknown: Author = { id: "", name: "" };

// rowsOf goes once through the window, at most some 300 rows, for every drawing.
export function rowsOf(state: RoomState, me: Author | null): FeedRow[] {
  const rows: FeedRow[] = [];
  const byOffset = new Map<number, Message>();
  // Where older ones may be of the same day, the first row isn't where that day begins.
  let day = state.hasOlder ? dayOf(state.feed.find((i) => i.kind === "message")?.time ?? 0) : 0;
  let before: { readonly author: Author; readonly time: number } | null = null;
  let unreadFrom = unreadIn(state);
  const add = (item: Message | Pending) => {
    const author = isMessage(item) ? item.author : (me ?? unknown);
    const mine = !isMessage(item) || author.id === me?.id;
    if (dayOf(item.time) !== day) {
      day = dayOf(item.time);
      rows.push({ kind: "day", key: "d" + day, time: item.time });
      before = null;
    }
    if (unreadFrom !== null && isMessage(item) && !mine && item.offset >= unreadFrom) {
      rows.push({ kind: "unread", key: "unread" });
      unreadFrom = before = null;
    }
    const run = !!before && item.reply === null && sameAuthor(before.author, author) && item.time - before.time < runTime;
    const quoted = item.reply === null ? undefined : (byOffset.get(item.reply) ?? state.quoted.get(item.reply));
    rows.push({ kind: "message", key: keyOf(item, mine), item, author, mine, run, quoted });
    before = { author, time: item.time };
  };
  for (const item of state.feed) {
    if (item.kind === "line") {
      rows.push({ kind: "line", key: item.key, item });
      before = null;
      continue;
    }
    byOffset.set(item.offset, item);
    remember(item.author);
    add(item);
  }
  state.pending.forEach(add); // also below a window that doesn't reach the end: what one says is seen
  return rows;
}

export function isMessage(item: Message | Pending): item is Message {
  return "offset" in item;
}

// A post keeps its key when its event confirms it: its element becomes the message's, so
// that nothing flickers or is read out as new.
function keyOf(item: Message | Pending, mine: boolean): string {
  return mine || !isMessage(item) ? "p" + item.id : item.key;
}

// unreadIn is where the line of what is new belongs, if that is in the window at all: it
// isn't when the first new one may lie above.
function unreadIn(state: RoomState): number | null {
  const first = state.feed.find((i) => i.kind === "message");
  if (state.unreadFrom === null || !first) return null;
  return first.offset > state.unreadFrom && state.hasOlder ? null : state.unreadFrom;
}

function sameAuthor(a: Author, b: Author): boolean {
  return a.id === b.id && a.name === b.name;
}
