// What was written is delivered once, and nothing that was typed is lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, entered, room, statuses, texts, visiting } from "./client.js";
import { House } from "./house.js";
import { ann, bob, event, FakeStorage, World } from "./world.js";

const posts = (world: World) => world.socket.of("post").map((f) => f.id);
const kept = (world: World) => [...world.storage.values.keys()].filter((k) => k.startsWith("outbox/"));

test("posts go out one after the other and are confirmed by their events", async () => {
  const { world, app } = await entered();
  app.post("one");
  app.post("two", 3);
  assert.deepEqual(posts(world), ["c-1"]);
  world.socket.ok("c-1", 4);
  assert.deepEqual(statuses(app), ["accepted", "sending"]);
  assert.deepEqual([world.socket.of("post")[1]?.text, world.socket.of("post")[1]?.reply, room(app).pending[1]?.reply], ["two", 3, 3]);
  world.socket.deliver(event(4, "c-1", ann), event(5, "c-2", ann));
  assert.deepEqual(statuses(app), []);
  world.socket.ok("c-2", 5);
  assert.equal(posts(world).length, 2);
  await world.pass(0);
  assert.deepEqual(kept(world), []);
});

test("another author's event with the same id confirms nothing", async () => {
  const { world, app } = await entered();
  app.post("one");
  world.socket.deliver(event(4, "c-1", bob));
  assert.deepEqual(statuses(app), ["sending"]);
});

test("a post accepted at an offset long past is done", async () => {
  const { world, app } = await entered();
  app.post("one");
  world.socket.ok("c-1", 2);
  assert.deepEqual(statuses(app), []);
});

test("a post without an answer goes again after the break, with the same id", async () => {
  const { world, app } = await entered();
  app.post("one");
  world.socket.drop();
  app.post("written in the tunnel");
  assert.deepEqual(statuses(app), ["waiting", "waiting"]);
  await world.pass(250);
  world.socket.hello();
  await world.pass(0);
  assert.deepEqual(posts(world), ["c-1"]);
  world.socket.deliver(event(4, "c-1", ann)); // it had been taken, and the answer lost
  world.socket.ok("c-1", 4);
  assert.deepEqual(posts(world), ["c-1", "c-2"]);
});

test("an answer that doesn't come over a living connection is asked for again", async () => {
  const { world, app } = await entered();
  app.post("one");
  await world.pass(10_000);
  world.socket.say({ type: "pong" });
  await world.pass(10_000);
  assert.deepEqual([posts(world), world.sockets.length], [["c-1", "c-1"], 1]);
});

test("a limit holds the queue, in order, for as long as it says", async () => {
  const { world, app } = await entered();
  app.post("one");
  app.post("two");
  world.socket.error("c-1", "rate_limited", 1.5);
  assert.deepEqual(statuses(app), ["slowed", "waiting"]);
  await world.pass(1499);
  assert.equal(posts(world).length, 1);
  await world.pass(1);
  assert.deepEqual(posts(world), ["c-1", "c-1"]);
});

test("a refused post keeps its text, lets the next by, and goes again when asked", async () => {
  const { world, app } = await entered();
  app.post("one");
  app.post("two");
  world.socket.error("c-1", "forbidden");
  assert.deepEqual(statuses(app), ["failed", "sending"]);
  assert.equal(room(app).pending[0]?.text, "one");
  world.socket.ok("c-2", 4);
  app.retry("c-1");
  assert.deepEqual(posts(world), ["c-1", "c-2", "c-1"]);
  world.socket.error("c-1", "forbidden");
  app.discard("c-1");
  await world.pass(0);
  assert.deepEqual([statuses(app), kept(world)], [["accepted"], []]);
});

test("an edit, a deletion and reactions show at once and are settled by their events", async () => {
  const house = new House();
  house.say("123", "mine", ann);
  const { world, app } = await visiting(house);
  house.flowing = false;
  app.edit(1, "corrected");
  app.react(1, "🍵", true);
  const shown = () => room(app).feed.find((r) => r.kind === "message");
  assert.deepEqual([shown()?.text, shown()?.reactions, shown()?.busy], ["corrected", [{ emoji: "🍵", authors: [ann.id] }], true]);
  await world.pass(0);
  assert.equal(shown()?.busy, true, "accepted, but not in the log that is seen");
  house.pump();
  assert.deepEqual([shown()?.text, shown()?.reactions, shown()?.busy], ["corrected", [{ emoji: "🍵", authors: [ann.id] }], false]);
  assert.deepEqual(house.committed, ["s-1", "c-1", "c-2"]);
});

test("a refused edit goes back to what the log says, and tells why", async () => {
  const { world, app } = await entered();
  app.edit(3, "not mine");
  app.post("next");
  world.socket.error("c-1", "not_yours");
  assert.deepEqual([texts(app), room(app).failure], [["text 1", "text 2", "text 3"], { code: "not_yours", n: 1 }]);
  await world.pass(0);
  assert.deepEqual([posts(world), kept(world)], [["c-2"], ["outbox/c-2"]]);
});

test("what was written offline survives the page and hours, and is delivered once, in order", async () => {
  const house = new House();
  house.fill("123", 2);
  const first = await visiting(house);
  house.up = false;
  first.world.socket.drop();
  for (const text of ["one", "two", "three"]) first.app.post(text);
  first.app.react(1, "👍", true);
  await first.world.pass(0);

  const { world, app } = await visiting(house, {}, new World(first.world.storage));
  assert.deepEqual([room(app).pending.map((p) => p.text), statuses(app)], [["one", "two", "three"], ["waiting", "waiting", "waiting"]]);
  await world.pass(5 * 3_600_000);
  assert.deepEqual(house.committed.length, 2);
  house.up = true;
  app.reconnectNow();
  await world.pass(2000);
  assert.deepEqual(texts(app), ["text 1", "text 2", "one", "two", "three"]);
  assert.deepEqual([statuses(app), kept(world), house.log("123").at(-1)?.type], [[], [], "message.reacted"]);
});

test("what a log that was lost had accepted is sent again", async () => {
  const { world, app } = await entered();
  app.post("one");
  world.socket.ok("c-1", 4);
  world.page(2, "restored");
  world.socket.say({ type: "reset", room: "123", epoch: "restored", head: 2, floor: 1 });
  await world.pass(0);
  assert.deepEqual([posts(world), statuses(app)], [["c-1", "c-1"], ["sending"]]);
});

test("a refusal is remembered with its text", async () => {
  const { world, app } = await entered();
  app.post("one");
  world.socket.error("c-1", "text_too_long");
  await world.pass(0);
  const next = new World(world.storage);
  next.page(3);
  const again = client(next);
  again.start("123");
  await next.pass(0);
  next.socket.hello();
  assert.deepEqual([room(again).pending[0]?.text, room(again).pending[0]?.status, posts(next)], ["one", { kind: "failed", code: "text_too_long" }, []]);
});

test("two tabs that send the same outbox make one message of each", async () => {
  const house = new House();
  const storage = new FakeStorage();
  const before = await visiting(house, {}, new World(storage));
  house.up = false;
  before.world.socket.drop();
  before.app.post("one");
  before.app.post("two");
  await before.world.pass(0);
  const tabs = [await visiting(house, {}, new World(storage)), await visiting(house, {}, new World(storage))];
  house.up = true;
  for (const { app } of tabs) app.reconnectNow();
  for (let i = 0; i < 10; i++) for (const { world } of tabs) await world.pass(100);
  assert.deepEqual(house.committed, ["c-1", "c-2"]);
  for (const { app, world } of tabs) assert.deepEqual([texts(app), statuses(app), kept(world)], [["one", "two"], [], []]);
});

test("what another tab has sent, or thrown away, isn't sent again", async () => {
  const house = new House();
  const storage = new FakeStorage();
  const writer = await visiting(house, {}, new World(storage));
  house.up = false;
  writer.world.socket.drop();
  writer.app.post("one");
  writer.app.post("two");
  await writer.world.pass(0);
  const other = await visiting(house, {}, new World(storage));
  assert.equal(room(other.app).pending.length, 2);
  other.app.discard("c-1");
  await other.world.pass(0);
  house.up = true;
  writer.app.reconnectNow();
  await writer.world.pass(1000);
  other.app.reconnectNow();
  await other.world.pass(1000);
  assert.deepEqual(house.committed, ["c-2"]);
  assert.deepEqual([statuses(writer.app), statuses(other.app), kept(writer.world)], [[], [], []]);
});

test("a room that isn't open gets what was written in it, over a socket and without", async () => {
  for (const sockets of [true, false]) {
    const house = new House();
    house.sockets = sockets;
    const { world, app } = await visiting(house);
    await world.pass(1000);
    house.up = false;
    if (sockets) world.socket.drop();
    app.post("here");
    app.enter("茶");
    app.post("there");
    await world.pass(5000);
    app.enter("third");
    house.up = true;
    app.reconnectNow();
    await world.pass(60_000);
    assert.deepEqual([house.log("123").length, house.log("茶").length, kept(world)], [1, 1, []], String(sockets));
  }
});

test("storage that doesn't answer holds nothing up for long", async () => {
  const world = new World();
  world.page(3);
  world.storage.list = () => new Promise(() => {});
  const app = client(world);
  app.start("123");
  await world.pass(0);
  world.socket.hello();
  app.post("one");
  assert.deepEqual(posts(world), []);
  await world.pass(2000);
  assert.deepEqual(posts(world), ["c-1"]);
});

test("what isn't an entry in storage is left alone", async () => {
  const world = new World();
  const whole = { id: "x", room: "123", time: 1, status: {} };
  const odd = [null, 7, { id: "x" }, { ...whole, kind: "later" }, { ...whole, kind: "edit", target: "1", text: "" }, { ...whole, kind: "post", text: 7, reply: null }];
  for (const [i, v] of odd.entries()) world.storage.values.set("outbox/" + i, v);
  world.page(3);
  const app = client(world);
  app.start("123");
  await world.pass(0);
  world.socket.hello();
  await world.pass(0);
  assert.deepEqual([statuses(app), world.socket.of("post"), world.socket.of("edit")], [[], [], []]);
});
