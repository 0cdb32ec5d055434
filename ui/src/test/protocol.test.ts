// The golden files that the server's tests read as well.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { encode, parseFrame, parsePage, parseProblem, type ClientFrame } from "../client/protocol.js";

const golden = (name: string) => readFileSync(`testdata/protocol/${name}.json`, "utf8");

// raw gives each entry of a golden file as the very characters that stand there: the
// files have one entry a line.
function raw(name: string): Map<string, string> {
  const entries = [...golden(name).matchAll(/^ {2}"(\w+)": (\{.*\}),?$/gm)];
  const found = new Map(entries.map((m) => [m[1] ?? "", m[2] ?? ""]));
  assert.deepEqual([...found.keys()], Object.keys(JSON.parse(golden(name)) as object), "an entry a line");
  return found;
}

const client: Record<string, ClientFrame> = {
  join: { type: "join", ref: 1, room: "123", after: 17, epoch: "k3v9" },
  leave: { type: "leave", ref: 2, room: "123" },
  post: { type: "post", ref: 3, room: "123", id: "c-7f3", text: 'hi <茶> "&" \\ 🍵' },
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
  const position = { epoch: "k3v9", head: 42, floor: 1 };
  const events = [{ offset: 17, type: "message.posted", id: "c-7f3", author, text: 'hi <茶> "&" \\ 🍵', time: "2026-11-23T02:50:54.123Z", deleted: false }];
  const want: Record<string, unknown> = {
    hello: { type: "hello", author, ping: 25 },
    hello_room: { type: "hello", author, ping: 25, room: "123", position },
    ok_join: { type: "ok", ref: 1, room: "123", position },
    ok_leave: { type: "ok", ref: 2 },
    ok_post: { type: "ok", ref: 3, room: "123", offset: 43 },
    error_rate: { type: "error", code: "rate_limited", detail: "", ref: 3, retryAfter: 1.5 },
    error_plain: { type: "error", code: "bad_json", detail: "" },
    events: { type: "events", room: "123", events },
    reset: { type: "reset", room: "123", position },
    signal: { type: "signal", room: "123", kind: "typing", author },
    presence: { type: "presence", room: "123", count: 3, joined: [author], left: [{ id: "n-bob", name: "bob" }] },
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
  assert.equal(parseProblem(502, "<html>Bad Gateway").code, "http_502");
});

test("what isn't a frame is ignored", () => {
  const bad = ["", "null", "[]", "7", "{", '{"type":"later"}', '{"type":"events","room":"1"}', '{"type":"events","room":"1","events":[{"offset":0,"type":"x"}]}', '{"type":"hello"}'];
  for (const text of bad) assert.equal(parseFrame(text), null, text);
});

test("an event of an unknown type counts, with its unknown fields", () => {
  const frame = parseFrame('{"type":"events","room":"1","events":[{"offset":5,"type":"message.reacted","emoji":"🍵"}],"new":1}');
  assert.equal(frame?.type === "events" && frame.events[0]?.offset, 5);
});
