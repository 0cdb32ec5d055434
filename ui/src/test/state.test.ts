import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "../client/message.js";
import { parseEvents, pageOf, type RoomEvent } from "../client/protocol.js";
import { entering, quotedMessage, reduce, type Action, type RoomState } from "../client/state.js";
import { maxRows } from "../client/window.js";
import { ann, bob, event } from "./world.js";

const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => event(from + i));
const page = (from: number, to: number, head = to, epoch = "k3v9", floor = 1) => {
  const parsed = pageOf({ room: "123", epoch, head, floor, events: range(from, to) });
  assert.ok(parsed);
  return parsed;
};
const events = (...list: object[]): readonly RoomEvent[] => parseEvents(list) ?? assert.fail("not events");
const live = (...list: object[]): Action => ({ type: "events", events: events(...list) });
const run = (state: RoomState, ...actions: Action[]) => actions.reduce(reduce, state);
const messages = (s: RoomState): Message[] => s.feed.filter((i) => i.kind === "message");
const offsets = (s: RoomState) => messages(s).map((m) => m.offset);
const at = (s: RoomState, offset: number): Message => messages(s).find((m) => m.offset === offset) ?? assert.fail(`no ${offset}`);
const bounds = (s: RoomState) => [offsets(s)[0], offsets(s).at(-1), s.attached];
const scrolledUp: Action = { type: "seen", visible: true, atEnd: false };
const atEnd: Action = { type: "seen", visible: true, atEnd: true };
const amend = (offset: number, type: string, target: number, more: object = {}, author: object = bob) => ({ ...event(offset), type: "message." + type, target, text: undefined, author, ...more });

const initial = entering("123", ann.id, false);
const loaded = run(initial, { type: "loaded", page: page(3, 5) });

test("a page sets the cursor at its end", () => {
  assert.deepEqual(loaded.cursor, { after: 5, epoch: "k3v9" });
  assert.deepEqual(offsets(loaded), [3, 4, 5]);
  assert.deepEqual([loaded.loaded, loaded.hasOlder, loaded.attached, loaded.head], [true, true, true, 5]);
});

test("an empty room starts at its head", () => {
  const s = run(initial, { type: "loaded", page: page(1, 0) });
  assert.deepEqual([s.cursor, s.hasOlder, s.loaded], [{ after: 0, epoch: "k3v9" }, false, true]);
});

test("each offset comes in once, in any overlap", () => {
  const s = run(loaded, live(event(4), event(5), event(6)), live(event(6), event(7)));
  assert.deepEqual(offsets(s), [3, 4, 5, 6, 7]);
});

test("nothing after a hole is taken", () => {
  const s = run(loaded, live(event(6), event(8)));
  assert.deepEqual(offsets(s), [3, 4, 5, 6]);
  assert.deepEqual([s.gap, s.cursor?.after], [true, 6]);
  const healed = run(s, live(event(7), event(8)));
  assert.deepEqual([healed.gap, healed.cursor?.after], [false, 8]);
});

test("events of unknown types move the cursor and show nothing", () => {
  const s = run(loaded, live({ ...event(6), type: "room.painted" }, event(7)));
  assert.deepEqual(offsets(s), [3, 4, 5, 7]);
});

test("events before a page are not for this list", () => {
  assert.equal(run(initial, live(event(1))), initial);
});

test("a reset keeps what is shown until the new page is there", () => {
  const s = run(loaded, { type: "reset", position: { epoch: "new", head: 2, floor: 1 } });
  assert.deepEqual([offsets(s), s.cursor, s.stale], [[3, 4, 5], { after: 2, epoch: "new" }, true]);
  const met = run(s, live(event(3)));
  assert.equal(met.feed, s.feed, "what comes is for the new page");
  const again = run(met, { type: "loaded", page: page(1, 2, 2, "new") });
  assert.deepEqual([offsets(again), again.cursor], [[1, 2, 3], { after: 3, epoch: "new" }]);
});

test("the window is bounded: at its end the oldest go", () => {
  const s = run(loaded, live(...range(6, maxRows + 55)));
  assert.equal(s.feed.length, maxRows);
  assert.deepEqual(bounds(s), [56, maxRows + 55, true]);
  assert.equal(s.hasOlder, true);
});

test("older messages go before, and the newest make room", () => {
  const full = run(initial, { type: "loaded", page: page(301, 600) });
  const s = run(full, { type: "loading", which: "older" }, { type: "older", page: page(251, 300, 600) });
  assert.deepEqual([...bounds(s), s.feed.length, s.loadingOlder], [251, 550, false, maxRows, false]);
  const back = run(s, { type: "newer", page: page(551, 600) });
  assert.deepEqual([...bounds(back), back.hasOlder], [301, 600, true, true]);
});

test("a page that isn't next to the window is not taken", () => {
  const full = run(initial, { type: "loaded", page: page(301, 350) });
  assert.deepEqual(bounds(run(full, { type: "older", page: page(201, 250, 350) })), [301, 350, true]);
  assert.deepEqual(bounds(run(full, { type: "older", page: null })), [301, 350, true]);
  assert.deepEqual(bounds(run(full, { type: "older", page: page(251, 300, 350, "old") })), [301, 350, true]);
});

test("scrolled up there is room for some, then the window lets go of the end", () => {
  const up = run(initial, { type: "loaded", page: page(1, 298) }, scrolledUp, live(...range(299, 305)));
  assert.deepEqual([...bounds(up), up.missed, up.head], [1, 300, false, 7, 305]);
  const more = run(up, live(event(306)));
  assert.deepEqual([...bounds(more), more.missed], [1, 300, false, 8]);
  // Where the page ends before the live cursor, what came since follows it.
  const caught = run(more, { type: "newer", page: page(301, 303, 306) }, atEnd);
  assert.deepEqual([...bounds(caught), caught.missed], [7, 306, true, 0]);
});

test("a page that is ahead of what came live takes nothing twice", () => {
  const up = run(initial, { type: "loaded", page: page(1, 10) }, { type: "loaded", page: page(11, 20), target: 15 });
  assert.deepEqual([up.cursor?.after, up.target], [10, { offset: 15, n: 1 }]);
  const s = run(up, live(...range(11, 15)), live(...range(16, 22)));
  assert.deepEqual(offsets(s), range(11, 22).map((e) => e.offset));
  assert.equal(s.cursor?.after, 22);
});

test("the target of a jump is the nearest message", () => {
  const s = run(initial, { type: "loaded", page: page(1, 10), target: 99 });
  assert.equal(s.target?.offset, 10);
});

test("an edit, a deletion, a reaction change the message, however often they come", () => {
  const edit = amend(6, "edited", 4, { text: "new" });
  const s = run(loaded, live(edit), live(edit));
  assert.deepEqual([at(s, 4).text, at(s, 4).edited !== null, at(s, 4).body], ["new", true, null]);
  assert.equal(at(s, 3), at(loaded, 3), "other rows stay the same objects");

  const up = amend(7, "reacted", 4, { emoji: "👍", on: true });
  const tea = amend(8, "reacted", 4, { emoji: "🍵", on: true }, ann);
  const also = amend(9, "reacted", 4, { emoji: "👍", on: true }, ann);
  const r = run(s, live(up, tea, also));
  assert.deepEqual(at(r, 4).reactions, [{ emoji: "👍", authors: [bob.id, ann.id] }, { emoji: "🍵", authors: [ann.id] }]);
  const back = run(r, live(amend(10, "reacted", 4, { emoji: "👍", on: false }), amend(11, "reacted", 4, { emoji: "👍", on: false }, ann)));
  assert.deepEqual(at(back, 4).reactions, [{ emoji: "🍵", authors: [ann.id] }]);

  const gone = run(back, live(amend(12, "deleted", 4)), live(amend(13, "edited", 4, { text: "late" }), amend(14, "reacted", 4, { emoji: "x", on: true })));
  assert.deepEqual([at(gone, 4).deleted, at(gone, 4).text, at(gone, 4).reactions], [true, "", []]);
});

test("an edit that was superseded is ignored, and one of what isn't here too", () => {
  const s = run(loaded, live(amend(6, "edited", 4), amend(7, "edited", 2, { text: "x" }), amend(8, "deleted", 99)));
  assert.deepEqual(messages(s), messages(loaded));
  assert.equal(s.cursor?.after, 8);
});

test("a page that was read before an amendment came is brought up to date", () => {
  const s = run(loaded, live(amend(6, "edited", 2, { text: "new" }), amend(7, "deleted", 1)), { type: "older", page: page(1, 2, 5) });
  assert.deepEqual(messages(s).map((m) => [m.offset, m.text, m.deleted]).slice(0, 2), [[1, "", true], [2, "new", false]]);
});

test("a page that knows more than what came since is left as it is", () => {
  const newer = page(1, 2, 9);
  const s = run(loaded, live(amend(6, "edited", 2, { text: "older edit" })), { type: "older", page: newer });
  assert.equal(at(s, 2).text, "text 2");
});

test("what is under way shows at once, and goes without a trace when refused", () => {
  const wishes = [{ target: 4, kind: "edit", text: "new" }, { target: 4, kind: "react", emoji: "👍", on: true }, { target: 5, kind: "delete" }] as const;
  const s = run(loaded, { type: "outbox", pending: [], wishes });
  assert.deepEqual([at(s, 4).text, at(s, 4).reactions, at(s, 4).busy], ["new", [{ emoji: "👍", authors: [ann.id] }], true]);
  assert.deepEqual([at(s, 5).deleted, at(s, 5).busy, at(s, 3).busy], [true, true, false]);
  const back = run(s, { type: "outbox", pending: [], wishes: [] }, { type: "failure", code: "not_yours" });
  assert.deepEqual(back.feed, loaded.feed);
  assert.deepEqual(back.failure, { code: "not_yours", n: 1 });
});

test("missed are those of others that came below what is seen", () => {
  const s = run(loaded, scrolledUp, live(event(6), event(7, "c-1", ann), amend(8, "edited", 6, { text: "x" })));
  assert.equal(s.missed, 1);
  assert.equal(run(s, atEnd).missed, 0);
  assert.equal(run(loaded, atEnd, live(event(6))).missed, 0);
});

test("the line of what is new stands where it wasn't seen, until one posts", () => {
  const entered = run(loaded, { type: "mark", read: 4, unread: true });
  assert.equal(entered.unreadFrom, 5);
  const away = run(loaded, { type: "mark", read: 5, unread: false }, { type: "seen", visible: false, atEnd: true }, live(event(6, "c-1", ann), event(7), event(8)));
  assert.equal(away.unreadFrom, 7, "one's own isn't news");
  const read = run(away, atEnd, { type: "read", offset: 8 });
  assert.equal(read.unreadFrom, 7, "it stays while it is read");
  assert.equal(run(read, { type: "seen", visible: false, atEnd: true }, live(event(9))).unreadFrom, 9);
  assert.equal(run(read, { type: "posted" }).unreadFrom, null);
});

test("a read mark never goes back", () => {
  const s = run(loaded, { type: "read", offset: 5 }, { type: "read", offset: 3 });
  assert.equal(s.read, 5);
});

test("who is here: all at first, then who comes and goes, oneself first", () => {
  const cy = { id: "n-cy", name: "cy" };
  const told = (joined: readonly { id: string; name: string }[], left: readonly { id: string; name: string }[], count: number): Action => ({ type: "presence", count, joined, left });
  const s = run(loaded, { type: "joined", position: undefined }, told([bob, ann], [], 2), told([cy], [], 3));
  assert.deepEqual([s.people, s.count], [[ann, bob, cy], 3]);
  const renamed = { ...bob, name: "Bob" };
  assert.deepEqual(run(s, told([renamed], [cy], 2)).people, [ann, renamed]);
  const again = run(s, { type: "joined", position: undefined });
  assert.equal(again.people.length, 3, "no flash");
  assert.deepEqual(run(again, told([ann], [], 1)).people, [ann]);
  assert.deepEqual(run(s, { type: "down" }).count, null);
});

test("who types stops when their message comes", () => {
  const s = run(loaded, { type: "typing", author: bob, on: true }, { type: "typing", author: bob, on: true });
  assert.deepEqual(s.typing, [bob]);
  assert.deepEqual(run(s, live(event(6))).typing, []);
  assert.deepEqual(run(s, { type: "typing", author: bob, on: false }).typing, []);
});

test("quoted messages follow what happens to them", () => {
  const [e] = events(event(2));
  assert.ok(e);
  const two: Message = { ...at(loaded, 3), offset: 2, key: "m2" };
  const s = run(loaded, { type: "quoted", messages: new Map([[2, two], [1, null]]), head: 5 }, live(amend(6, "edited", 2, { text: "new" })));
  assert.deepEqual([quotedMessage(s, 2)?.text, quotedMessage(s, 1), quotedMessage(s, 99)], ["new", null, undefined]);
  assert.equal(quotedMessage(s, 4), at(s, 4));
  const late = run(loaded, live(amend(6, "deleted", 2)), { type: "quoted", messages: new Map([[2, two]]), head: 5 });
  assert.equal(quotedMessage(late, 2)?.deleted, true);
});

test("connection lines come when it opens and closes, and don't pile up", () => {
  const on: Action = { type: "connection", up: true, time: 1 };
  const off: Action = { type: "connection", up: false, time: 2 };
  const lines = (s: RoomState) => s.feed.flatMap((i) => (i.kind === "line" ? [i.what] : []));
  assert.deepEqual(lines(run(loaded, off, on, off, off)), ["connected", "disconnected"]);
  // Coming back another way is no news.
  assert.deepEqual(lines(run(loaded, on, on)), ["connected"]);
  const night = Array.from({ length: 20 }, () => [on, off]).flat();
  assert.deepEqual(lines(run(loaded, ...night)).length, 4);
  const keys = run(loaded, ...night).feed.map((i) => i.key);
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual(lines(run(entering("1", "", true), { type: "loaded", page: page(1, 3) }, on)), [], "nor is going to another room");
});

test("connection lines are among the newest only", () => {
  const on: Action = { type: "connection", up: true, time: 1 };
  const detached = run(initial, { type: "loaded", page: page(50, 60) }, { type: "loaded", page: page(1, 10, 60), target: 5 });
  assert.equal(run(detached, on).feed, detached.feed);
  const s = run(loaded, live(event(6)), on, { type: "loaded", page: page(1, 6) });
  assert.equal(s.feed.at(-1)?.kind, "line", "after a new page, too");
});
