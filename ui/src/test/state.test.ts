import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePage, type RoomEvent } from "../client/protocol.js";
import { initial, maxFeed, reduce, type Action, type RoomState } from "../client/state.js";
import { ann, event } from "./world.js";

const page = (from: number, to: number, epoch = "k3v9") => {
  const events = Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
  const parsed = parsePage(JSON.stringify({ room: "123", epoch, head: to, floor: 1, events }));
  assert.ok(parsed);
  return parsed;
};
const events = (...list: object[]): readonly RoomEvent[] => parsePage(JSON.stringify({ room: "1", epoch: "e", head: 0, floor: 1, events: list }))?.events ?? [];
const run = (state: RoomState, ...actions: Action[]) => actions.reduce(reduce, state);
const offsets = (s: RoomState) => s.feed.flatMap((i) => (i.kind === "message" ? [i.offset] : []));
const loaded = run(initial, { type: "loaded", page: page(3, 5) });

test("a page sets the cursor at its end", () => {
  assert.deepEqual(loaded.cursor, { after: 5, epoch: "k3v9" });
  assert.deepEqual(offsets(loaded), [3, 4, 5]);
});

test("an empty room starts at its head", () => {
  assert.deepEqual(run(initial, { type: "loaded", page: page(1, 0) }).cursor, { after: 0, epoch: "k3v9" });
});

test("each offset comes in once, in any overlap", () => {
  const s = run(loaded, { type: "events", events: events(event(4), event(5), event(6)) }, { type: "events", events: events(event(6), event(7)) });
  assert.deepEqual(offsets(s), [3, 4, 5, 6, 7]);
});

test("nothing after a hole is taken", () => {
  const s = run(loaded, { type: "events", events: events(event(6), event(8)) });
  assert.deepEqual(offsets(s), [3, 4, 5, 6]);
  assert.deepEqual([s.gap, s.cursor?.after], [true, 6]);
  const healed = run(s, { type: "events", events: events(event(7), event(8)) });
  assert.deepEqual([healed.gap, healed.cursor?.after], [false, 8]);
});

test("events of unknown types move the cursor and show nothing", () => {
  const s = run(loaded, { type: "events", events: events({ ...event(6), type: "message.reacted" }, event(7)) });
  assert.deepEqual(offsets(s), [3, 4, 5, 7]);
});

test("events before a page are not for this list", () => {
  assert.equal(run(initial, { type: "events", events: events(event(1)) }), initial);
});

test("a reset keeps what is shown until the new page is there", () => {
  const s = run(loaded, { type: "reset" });
  assert.deepEqual([offsets(s), s.cursor], [[3, 4, 5], null]);
  const again = run(s, { type: "loaded", page: page(1, 2, "new") });
  assert.deepEqual([offsets(again), again.cursor], [[1, 2], { after: 2, epoch: "new" }]);
});

test("the list is bounded", () => {
  const many = Array.from({ length: maxFeed + 50 }, (_, i) => event(6 + i));
  const s = run(loaded, { type: "events", events: events(...many) });
  assert.equal(s.feed.length, maxFeed);
  assert.equal(offsets(s).at(-1), 5 + maxFeed + 50);
});

test("one's own event confirms the post, whichever comes first", () => {
  const queued = run(loaded, { type: "hello", author: ann }, { type: "queued", id: "c-1", text: "hi", time: 0 });
  const own = events(event(6, "c-1", ann));
  assert.equal(run(queued, { type: "events", events: own }).pending.length, 0);
  const accepted = run(queued, { type: "status", id: "c-1", status: { kind: "accepted", offset: 6 } });
  assert.equal(accepted.pending.length, 1);
  assert.equal(run(accepted, { type: "events", events: own }).pending.length, 0);
});

test("another author's event with the same id confirms nothing", () => {
  const queued = run(loaded, { type: "hello", author: ann }, { type: "queued", id: "c-1", text: "hi", time: 0 });
  assert.equal(run(queued, { type: "events", events: events(event(6, "c-1")) }).pending.length, 1);
});

test("a post accepted at an offset long past is done", () => {
  const queued = run(loaded, { type: "queued", id: "c-1", text: "hi", time: 0 });
  assert.equal(run(queued, { type: "status", id: "c-1", status: { kind: "accepted", offset: 2 } }).pending.length, 0);
});

test("connection lines come when it opens and closes, and don't pile up", () => {
  const on: Action = { type: "connection", connection: { kind: "online" }, time: 1 };
  const off: Action = { type: "connection", connection: { kind: "reconnecting", at: 9 }, time: 2 };
  const trying: Action = { type: "connection", connection: { kind: "connecting" }, time: 3 };
  const lines = (s: RoomState) => s.feed.flatMap((i) => (i.kind === "line" ? [i.what] : []));
  assert.deepEqual(lines(run(loaded, trying, off, trying, on, off, trying, off)), ["connected", "disconnected"]);
  // Coming back under another name is no news, unless one doesn't.
  assert.deepEqual(lines(run(loaded, on, trying, on)), ["connected"]);
  assert.deepEqual(lines(run(loaded, on, trying, off)), ["connected", "disconnected"]);
  const night = Array.from({ length: 20 }, () => [on, off]).flat();
  assert.deepEqual(lines(run(loaded, ...night)).length, 4);
  const keys = run(loaded, ...night).feed.map((i) => i.key);
  assert.equal(new Set(keys).size, keys.length);
});
