// The golden files that the server's tests read as well.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { encode, pageOf, parseEvent, parseFrame, parseMe, parseMyRooms, parsePage, parseProblem, type ClientFrame } from "../client/protocol.js";

const golden = (name: string) => readFileSync(`testdata/protocol/${name}.json`, "utf8");

// raw gives each entry of a golden file as the very characters that stand there: the
// files have one entry a line.
function raw(name: string): Map<string, string> {
  const entries = [...golden(name).matchAll(/^ {2}"(\w+)": (\{.*\}),?$/gm)];
  const found = new Map(entries.map((m) => [m[1] ?? "", m[2] ?? ""]));
  assert.deepEqual([...found.keys()], Object.keys(JSON.parse(golden(name)) as object), "an entry a line");
  return found;
}

const text = 'hi <茶> "&" \\ 🍵';
const rich = { text: "hi **there** @bob", body: [["p", "hi ", ["b", "there"], " ", ["@", "bob"]]] };

const client: Record<string, ClientFrame> = {
  join: { type: "join", ref: 1, room: "123", after: 17, epoch: "k3v9" },
  join_quiet: { type: "join", ref: 1, room: "123", after: 17, epoch: "k3v9", quiet: true },
  leave: { type: "leave", ref: 2, room: "123" },
  post: { type: "post", ref: 3, room: "123", id: "c-7f3", text },
  post_reply: { type: "post", ref: 3, room: "123", id: "c-7f3", text, reply: 12 },
  edit: { type: "edit", ref: 4, room: "123", id: "c-8a1", target: 17, text: rich.text },
  delete: { type: "delete", ref: 5, room: "123", id: "c-8a2", target: 17 },
  react: { type: "react", ref: 6, room: "123", id: "c-8a3", target: 17, emoji: "👍", on: true },
  unreact: { type: "react", ref: 6, room: "123", id: "c-8a4", target: 17, emoji: "👍", on: false },
  read: { type: "read", room: "123", offset: 43 },
  me: { type: "me", ref: 7, name: "ann", hue: 210 },
  me_plain: { type: "me", ref: 7, name: "ann" },
  signal: { type: "signal", room: "123", kind: "typing" },
  ping: { type: "ping" },
};

test("every client frame is written as the golden file has it", () => {
  const want = raw("client");
  assert.deepEqual(Object.keys(client), [...want.keys()]);
  for (const [name, frame] of Object.entries(client)) assert.equal(encode(frame), want.get(name), name);
});

test("the order of a frame's properties in the program doesn't matter", () => {
  assert.equal(encode({ text: "hi", id: "x", room: "1", ref: 1, type: "post" }), '{"type":"post","ref":1,"room":"1","id":"x","text":"hi"}');
});

test("every server frame is understood", () => {
  const author = { id: "g-5kq", name: "ann" };
  const hued = { ...author, hue: 210 };
  const bob = { id: "n-bob", name: "bob" };
  const position = { epoch: "k3v9", head: 42, floor: 1 };
  const bare = { offset: 17, id: "", author, text: null, body: null, time: "2026-11-23T02:50:54.123Z", deleted: false, edited: null, reply: null, reactions: [], target: 0, emoji: "", on: false };
  const posted = { ...bare, type: "message.posted", id: "c-7f3" };
  const events = (...list: object[]) => ({ type: "events", room: "123", events: list });
  const edited = { ...bare, offset: 18, type: "message.edited", id: "c-8a1", target: 17, time: "2026-11-23T02:51:10.000Z" };
  const reacted = { ...bare, offset: 20, type: "message.reacted", id: "c-8a3", target: 17, emoji: "👍", on: true, time: "2026-11-23T02:51:30.000Z" };
  const reactions = [{ emoji: "👍", authors: ["g-5kq", "n-bob"] }, { emoji: "🍵", authors: ["n-bob"] }];
  const want: Record<string, unknown> = {
    hello: { type: "hello", author, ping: 25 },
    hello_hue: { type: "hello", author: hued, ping: 25 },
    hello_room: { type: "hello", author, ping: 25, room: "123", position },
    ok_join: { type: "ok", ref: 1, room: "123", position },
    ok_leave: { type: "ok", ref: 2 },
    ok_post: { type: "ok", ref: 3, room: "123", offset: 43 },
    ok_me: { type: "ok", ref: 7 },
    error_rate: { type: "error", code: "rate_limited", detail: "", ref: 3, retryAfter: 1.5 },
    error_plain: { type: "error", code: "bad_json", detail: "" },
    error_not_yours: { type: "error", code: "not_yours", detail: "", ref: 4 },
    events: events({ ...posted, text }),
    events_rich: events({ ...posted, ...rich, author: hued, reply: 12, edited: "2026-11-23T02:51:10.000Z", reactions }),
    events_gone: events({ ...posted, deleted: true }),
    events_edited: events({ ...edited, ...rich }),
    events_superseded: events(edited),
    events_deleted: events({ ...edited, offset: 19, type: "message.deleted", id: "c-8a2", time: "2026-11-23T02:51:20.000Z" }),
    events_reacted: events(reacted),
    events_unreacted: events({ ...reacted, offset: 21, id: "c-8a4", on: false, time: "2026-11-23T02:51:40.000Z" }),
    reset: { type: "reset", room: "123", position },
    read: { type: "read", room: "123", offset: 43, level: "all" },
    signal: { type: "signal", room: "123", kind: "typing", author },
    presence: { type: "presence", room: "123", count: 3, joined: [author], left: [bob] },
    presence_hue: { type: "presence", room: "123", count: 2, joined: [hued, { ...bob, hue: 0 }], left: [] },
    pong: { type: "pong" },
    bye: { type: "bye", code: "restart", retryAfter: 3.2 },
  };
  for (const [name, text] of raw("server")) {
    const frame = parseFrame(text);
    // A frame that is new in the file is at least known by its type.
    assert.notEqual(frame, null, name);
    // What an error says to people is the server's to word.
    const got = frame?.type === "error" ? { ...frame, detail: "" } : frame;
    if (name in want) assert.deepEqual(got, want[name], name);
  }
});

test("every answer over HTTP is understood", () => {
  const http = raw("http");
  const page = parsePage(http.get("events") ?? "");
  assert.equal(page?.head, 42);
  assert.equal(page?.events[0]?.offset, 17);
  assert.deepEqual(parsePage(http.get("no_events") ?? ""), { room: "123", epoch: "k3v9", head: 42, floor: 1, events: [] });
  const reset = parseProblem(410, http.get("reset") ?? "");
  assert.equal(reset.code, "reset");
  assert.deepEqual(reset.position, { epoch: "k3v9", head: 42, floor: 1 });
  assert.equal(parseProblem(422, http.get("error") ?? "").code, "text_empty");
  assert.equal(parseProblem(404, http.get("no_message") ?? "").code, "no_message");
  assert.equal(parseProblem(403, http.get("guest_unknown") ?? "").code, "guest_unknown");
  for (const name of ["edited", "deleted", "reacted"]) assert.equal(parseEvent(http.get(name) ?? "")?.target, 17, name);
  assert.deepEqual(parseMe(http.get("me") ?? ""), { id: "n-ann", name: "ann" });
  const first = { room: "123", epoch: "k3v9", head: 42, read: 40, unread: 2, level: "all", last: Date.UTC(2026, 10, 23, 2, 50, 54, 123) };
  const second = { room: "茶馆", epoch: "k3v9", head: 0, read: 0, unread: 0, level: "mentions", last: 0 };
  assert.deepEqual(parseMyRooms(http.get("my_rooms") ?? ""), [first, second]);
  assert.deepEqual(parseMyRooms(http.get("no_rooms") ?? ""), []);
  const boot = JSON.parse(http.get("boot") ?? "") as { page: unknown };
  assert.equal(pageOf(boot.page)?.events[0]?.id, "c-7f3");
  assert.equal(parseProblem(502, "<html>Bad Gateway").code, "http_502");
});

test("what isn't a frame is ignored", () => {
  const bad = [
    "",
    "null",
    "[]",
    "7",
    "{",
    '{"type":"later"}',
    '{"type":"events","room":"1"}',
    '{"type":"events","room":"1","events":[{"offset":0,"type":"x"}]}',
    '{"type":"events","room":"1","events":[{"offset":1.5,"type":"x"}]}',
    '{"type":"events","room":7,"events":[]}',
    '{"type":"hello"}',
    '{"type":"hello","author":{"id":1,"name":"x"}}',
    '{"type":"ok","ref":"1"}',
    '{"type":"reset","room":"1","epoch":"e","head":-1,"floor":1}',
    '{"type":"read","room":"1","offset":"5"}',
    '{"type":"presence","room":"1","count":-1}',
    '{"type":"signal","room":"1"}',
    '{"type":["events"],"room":"1","events":[]}',
  ];
  for (const text of bad) assert.equal(parseFrame(text), null, text);
});

test("a hostile nest is an ordinary refusal", () => {
  const deep = "[".repeat(100_000);
  assert.equal(parseFrame(deep), null);
  assert.equal(parseFrame(`{"type":"events","room":"1","events":${deep}${"]".repeat(100_000)}}`), null);
});

test("an event of an unknown type counts, with its unknown fields", () => {
  const frame = parseFrame('{"type":"events","room":"1","events":[{"offset":5,"type":"message.pinned","emoji":"🍵"}],"new":1}');
  assert.equal(frame?.type === "events" && frame.events[0]?.offset, 5);
});

test("what an event says of itself is taken only as what it should be", () => {
  const reactions = [null, { emoji: "x" }, { emoji: "y", authors: [1, "a", "a"] }, { emoji: "y", authors: ["b"] }];
  const odd = { offset: 5, type: "message.posted", author: { id: "a", name: "b", hue: 360 }, text: 7, body: "x", reply: -1, edited: 3, reactions, deleted: "yes" };
  const e = parseEvent(JSON.stringify(odd));
  assert.deepEqual([e?.author, e?.text, e?.body, e?.reply, e?.edited, e?.deleted], [{ id: "a", name: "b" }, null, null, null, null, false]);
  assert.deepEqual(e?.reactions, [{ emoji: "y", authors: ["a"] }]);
});

test("a page with a hole in it is none", () => {
  const page = (...offsets: number[]) => parsePage(JSON.stringify({ room: "1", epoch: "e", head: 9, floor: 1, events: offsets.map((offset) => ({ offset, type: "x" })) }));
  assert.equal(page(3, 4, 5)?.events.length, 3);
  for (const offsets of [[3, 5], [4, 3], [3, 3]]) assert.equal(page(...offsets), null);
});
