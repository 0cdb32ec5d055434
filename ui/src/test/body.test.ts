import assert from "node:assert/strict";
import { test } from "node:test";
import { mentionName, mentions, parseBody } from "../client/body.js";
import { canonicalRoom } from "../client/limits.js";
import { SSEParser } from "../client/sse.js";
import { URLs } from "../client/urls.js";

test("a tree of all that there is comes through as it is", () => {
  const tree = [
    ["p", "a ", ["b", "strong ", ["i", "and"]], ["br"], ["s", "gone"], ["code", "x"], ["a", "https://h/", "link"], ["@", "bob"]],
    ["pre", "go", "func main() {}"],
    ["quote", ["p", "said"]],
    ["ul", ["li", ["p", "one"]]],
    ["ol", 3, ["li", "three"]],
    ["h", 2, "title"],
    ["hr"],
  ];
  assert.deepEqual(parseBody(tree), tree);
  assert.deepEqual(parseBody([["later", ["p", "still read"]]]), [["later", ["p", "still read"]]]);
});

test("what isn't a tree is none, and the text stands in for it", () => {
  const bad = [
    null,
    "text",
    [],
    {},
    [7],
    [[]],
    [[7, "x"]],
    [["p", { toString: 1 }]],
    [["p", null]],
    [["p", 7]],
    [["code", ["b", "x"]]],
    [["pre", "go"]],
    [["ol", "1", ["li", "x"]]],
    [["h", 9, "x"]],
    [["@", ["b"]]],
    [["a", "javascript:alert(1)", "x"]],
    [["a", " https://h/", "x"]],
    [["a", "//h/", "x"]],
    [["a"]],
  ];
  for (const v of bad) assert.equal(parseBody(v), null, JSON.stringify(v));
});

test("a tree has its bounds, in depth and in size", () => {
  const nested = (depth: number): unknown => (depth === 0 ? "x" : ["quote", nested(depth - 1)]);
  assert.notEqual(parseBody([nested(16)]), null);
  assert.equal(parseBody([nested(17)]), null);
  assert.equal(parseBody([nested(5000)]), null);
  assert.equal(parseBody(Array.from({ length: 30_000 }, () => ["br"])), null);
});

test("a mention is found in a tree and in a text, by whoever's name it is", () => {
  assert.equal(mentionName("Ann Lee ☕!"), "Ann_Lee_");
  assert.ok(mentions([["p", "hi ", ["b", ["@", "ann_lee"]]]], "Ann Lee"));
  assert.ok(!mentions([["p", "@ann_lee"], ["code", "@Ann_Lee"]], "Ann Lee"), "text of a tree calls nobody");
  for (const text of ["@ann", "hi @Ann!", "(@ann)", "，@ann。", "@ann.", "@bob @ann", "请问@ann 在吗"]) assert.ok(mentions(text, "ann"), text);
  for (const text of ["ann", "a@ann", "é@ann", "@anna", "@an", "@", ""]) assert.ok(!mentions(text, "ann"), text);
  assert.ok(mentions("@茶客 好", "茶客"));
  assert.ok(!mentions("@ hi", ""));
});

test("a room has one spelling", () => {
  assert.equal(canonicalRoom("%E4%B8%8B%E5%8D%88%E8%8C%B6"), "下午茶");
  assert.equal(canonicalRoom("Cafe\u0301"), "café");
  for (const bad of ["", ".a", "a%2Fb", "%zz", "a b"]) assert.equal(canonicalRoom(bad), "", bad);
});

test("links lead below the base path", () => {
  const urls = new URLs("http://h:8000", "/chat");
  assert.equal(urls.page("茶"), "/chat/room/%E8%8C%B6/");
  assert.equal(urls.permalink("123", 17), "http://h:8000/chat/room/123/#17");
});

test("an event stream is read alike however it is cut", () => {
  const stream = "retry: 2000\n\n:\n\nid: e:1\ndata: {\"a\":1}\n\r\ndata:x\r\ndata: y\r\n\r\nevent: reset\rdata: z\r\rid: e:9\n\nignored\n\n";
  const want = [
    { event: "message", data: '{"a":1}', id: "e:1" },
    { event: "message", data: "x\ny", id: "e:1" },
    { event: "reset", data: "z", id: "e:1" },
  ];
  assert.deepEqual(new SSEParser().push(stream), want);
  for (let size = 1; size < 12; size++) {
    const parser = new SSEParser();
    const got = [];
    for (let i = 0; i < stream.length; i += size) got.push(...parser.push(stream.slice(i, i + size)));
    assert.deepEqual(got, want, `in pieces of ${size}`);
  }
});

test("an event without end is given up", () => {
  const parser = new SSEParser();
  assert.throws(() => {
    for (let i = 0; i < 100; i++) parser.push("data: " + "x".repeat(100_000) + "\n");
  });
});
