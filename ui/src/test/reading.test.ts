// Reading in a long room: pages at both ends, jumps, quotes, and this device's copy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, lines, offsets, room, texts, visiting } from "./client.js";
import { House } from "./house.js";
import { ann, World } from "./world.js";

async function long(count = 1000) {
  const house = new House();
  house.fill("123", count);
  return { house, ...(await visiting(house)) };
}

const ends = (app: Parameters<typeof offsets>[0]) => [offsets(app)[0], offsets(app).at(-1), room(app).attached];

test("up through the room and down again, with no hole and never more than it holds", async () => {
  const { world, app } = await long();
  assert.deepEqual(ends(app), [951, 1000, true]);
  app.seen(true, false);
  for (let i = 0; i < 30; i++) {
    app.older();
    assert.equal(room(app).loadingOlder, room(app).hasOlder);
    await world.pass(0);
    const all = offsets(app);
    assert.ok(all.length <= 300);
    assert.ok(all.every((o, n) => n === 0 || o === (all[n - 1] ?? 0) + 1));
  }
  assert.deepEqual([...ends(app), room(app).hasOlder], [1, 300, false, false]);
  for (let i = 0; i < 30; i++) {
    app.newer();
    await world.pass(0);
  }
  assert.deepEqual(ends(app), [701, 1000, true]);
});

test("pages that show little are followed by more", async () => {
  const house = new House();
  house.fill("123", 10);
  for (let i = 0; i < 150; i++) house.amend("123", "reacted", 3, { emoji: "x", on: i % 2 === 0 });
  house.fill("123", 40);
  const { world, app } = await visiting(house);
  app.older();
  await world.pass(0);
  assert.deepEqual([offsets(app).length, room(app).hasOlder], [50, false]);
});

test("a page that can't be read isn't asked for again at once", async () => {
  const { house, world, app } = await long();
  house.up = false;
  app.older();
  await world.pass(0);
  const { length } = world.asked;
  assert.equal(room(app).loadingOlder, false);
  app.older();
  assert.equal(world.asked.length, length);
  house.up = true;
  await world.pass(2000);
  app.older();
  await world.pass(0);
  assert.equal(offsets(app)[0], 901);
});

test("a permalink leads to its message, near or far, and each wish counts", async () => {
  const { house, world, app } = await long();
  app.toOffset(990);
  assert.deepEqual(room(app).target, { offset: 990, n: 1 });
  app.toOffset(17);
  await world.pass(0);
  assert.deepEqual([...ends(app), room(app).target], [1, 50, false, { offset: 17, n: 2 }]);
  app.toOffset(500);
  app.toOffset(700); // an answer that isn't wanted any more undoes nothing
  await world.pass(0);
  assert.deepEqual(room(app).target, { offset: 700, n: 3 });
  house.say("123", "below");
  assert.deepEqual([ends(app).at(-1), room(app).missed, room(app).head], [false, 1, 1001]);
  app.toNewest();
  await world.pass(0);
  assert.deepEqual([...ends(app), room(app).missed], [952, 1001, true, 0]);
  app.toOffset(5000);
  assert.equal(room(app).target?.offset, 1001);
});

test("the newest page is read when the network is back, even if it is back before the request has failed", async () => {
  const { world, app } = await long();
  app.toOffset(17);
  await world.pass(0);
  const { serve } = world;
  let fail = () => {};
  world.serve = () => new Promise((_, reject) => (fail = () => reject(new Error("offline"))));
  app.toNewest();
  await world.pass(0);
  world.serve = serve;
  world.socket.drop();
  await world.pass(1000);
  fail();
  await world.pass(0);
  assert.deepEqual(ends(app), [951, 1000, true]);
});

test("a permalink is followed from the start, once there is something", async () => {
  const house = new House();
  house.fill("123", 1000);
  const world = new World();
  house.serve(world);
  const app = client(world);
  app.start("123", 17);
  await world.pass(0);
  assert.deepEqual([room(app).target, ends(app)], [{ offset: 17, n: 1 }, [1, 50, false]]);
  app.enter("123", 600);
  await world.pass(0);
  assert.equal(room(app).target?.offset, 600);
});

test("a day leads to its first message", async () => {
  const { world, app } = await long();
  app.toDate(1_700_000_000_000 + 299_500);
  await world.pass(0);
  assert.equal(room(app).target?.offset, 301);
  app.toDate(1_900_000_000_000);
  await world.pass(0);
  assert.deepEqual([...ends(app), room(app).target?.offset], [951, 1000, true, 1000]);
});

test("the first unread may be far above", async () => {
  const house = new House();
  house.fill("123", 1000);
  house.mine = [{ room: "123", epoch: "k3v9", head: 1000, read: 400, unread: 100, level: "all" }];
  const world = new World();
  house.serve(world);
  const app = client(world);
  app.start("123");
  await world.pass(0);
  assert.equal(room(app).unreadFrom, 401);
  app.toFirstUnread();
  await world.pass(0);
  assert.equal(room(app).target?.offset, 401);
});

test("posting leads to the newest", async () => {
  const { world, app } = await long();
  app.toOffset(17);
  await world.pass(0);
  app.post("hi");
  await world.pass(0);
  assert.deepEqual([room(app).attached, texts(app).at(-1)], [true, "hi"]);
});

test("quoted messages outside of the window are fetched once each", async () => {
  const { house, world, app } = await long();
  house.amend("123", "deleted", 3);
  house.amend("123", "edited", 2, { text: "two, corrected" });
  for (const reply of [2, 2, 3, 999, 1001]) house.say("123", "answer", ann, { reply });
  await world.pass(0);
  const asked = world.pages.filter((url) => url.endsWith("limit=1")).map((url) => new URL(url).searchParams.get("after"));
  assert.deepEqual(asked, ["1", "2", "1000"]);
  const { quoted } = room(app);
  assert.deepEqual([quoted.get(2)?.text, quoted.get(3)?.deleted, quoted.get(1001), quoted.has(999)], ["two, corrected", true, null, false]);
  house.say("123", "again", ann, { reply: 2 });
  await world.pass(0);
  assert.equal(world.pages.filter((url) => url.endsWith("limit=1")).length, 3);
});

test("a quote that couldn't be fetched is asked for after the next connection", async () => {
  const { house, world, app } = await long();
  house.up = false;
  house.flowing = true;
  house.say("123", "answer", ann, { reply: 2 });
  await world.pass(0);
  assert.equal(room(app).quoted.has(2), false);
  house.up = true;
  world.socket.drop();
  await world.pass(1000);
  assert.equal(room(app).quoted.get(2)?.text, "text 2");
});

test("this device's copy is there before the server, and without it", async () => {
  const house = new House();
  house.fill("123", 80);
  house.amend("123", "edited", 80, { text: "corrected" });
  const first = await visiting(house);
  await first.world.pass(1000);
  house.up = false;
  const { world, app } = await visiting(house, {}, new World(first.world.storage));
  assert.deepEqual([room(app).kept, room(app).loaded, room(app).hasOlder, offsets(app)[0], texts(app).at(-1)], [true, true, false, 32, "corrected"]);
  app.older();
  app.newer();
  assert.equal(room(app).loadingOlder || room(app).loadingNewer, false);
  house.say("123", "meanwhile");
  house.up = true;
  app.reconnectNow();
  await world.pass(0);
  assert.deepEqual([room(app).kept, texts(app).at(-1), lines(app)], [false, "meanwhile", ["connected"]]);
});

test("another room is shown from this device's copy until its page is there", async () => {
  const house = new House();
  house.fill("123", 2);
  house.fill("tea", 2);
  const { world, app } = await visiting(house);
  app.enter("tea");
  await world.pass(1000);
  app.enter("123");
  house.up = false; // the request is on its way for ever
  await world.pass(0);
  assert.deepEqual([room(app).room, room(app).kept, texts(app)], ["123", true, ["text 1", "text 2"]]);
});

test("going from room to room says nothing of the connection, and mixes nothing up", async () => {
  const house = new House();
  house.fill("123", 2);
  house.fill("tea", 1);
  const { world, app } = await visiting(house);
  app.post("for 123");
  app.enter("tea");
  assert.deepEqual(room(app).pending, []);
  await world.pass(0);
  house.say("tea", "two");
  house.say("123", "elsewhere");
  assert.deepEqual([texts(app), lines(app), world.sockets.length], [["text 1", "two"], [], 1]);
  const joins = world.socket.of("join").filter((f) => f.quiet !== true);
  assert.deepEqual(joins.map((f) => f.room), ["123", "tea"]);
  app.enter("123");
  await world.pass(0);
  assert.deepEqual(texts(app), ["text 1", "text 2", "for 123", "elsewhere"]);
});

test("a copy that can't be read is none", async () => {
  for (const v of [null, 7, {}, { events: [] }, { events: [{ offset: "1" }] }]) {
    const world = new World();
    world.storage.values.set("kept/123", v);
    world.storage.values.set("mine", v);
    const app = client(world);
    app.start("123");
    await world.pass(0);
    assert.equal(room(app).loaded, false);
  }
});
