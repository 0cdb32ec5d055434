// The three ways to the server: falling back from one to the next, and climbing up again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, lines, offsets, room, statuses, texts, visiting } from "./client.js";
import { House } from "./house.js";
import { World } from "./world.js";

async function behindProxy(change: (house: House) => void) {
  const house = new House();
  house.fill("123", 3);
  change(house);
  return { house, ...(await visiting(house)) };
}

test("a socket that fails twice while the server answers gives way to a stream", async () => {
  const { house, world, app } = await behindProxy((h) => (h.sockets = false));
  assert.equal(app.state.connection.kind, "reconnecting");
  await world.pass(1000);
  assert.deepEqual(app.state.connection, { kind: "online", by: "stream" });
  assert.equal(world.sockets.length, 2);
  house.say("123", "four");
  assert.deepEqual(offsets(app), [1, 2, 3, 4]);
  app.post("five");
  await world.pass(0);
  assert.deepEqual([texts(app).at(-1), statuses(app)], ["five", []]);
  assert.equal(world.lastStream.url.search, "?after=3&epoch=k3v9&name=ann");
});

test("everything that one does has its request", async () => {
  const { house, world, app } = await behindProxy((h) => (h.sockets = false));
  await world.pass(1000);
  app.me("ann", 7);
  app.post("mine", 2);
  await world.pass(0);
  app.edit(4, "mine, corrected");
  await world.pass(0);
  app.react(4, "👍", true);
  await world.pass(0);
  app.react(4, "👍", false);
  await world.pass(0);
  app.remove(4);
  await world.pass(0);
  const sent = world.requests.filter((r) => r.request.method && !r.url.includes("/me/rooms"));
  const of = (r: (typeof sent)[number]) => [r.request.method, r.url.slice("http://h:8000/chat/room/123/".length), r.request.body ?? r.request.id];
  assert.deepEqual(sent.map(of), [
    ["POST", "messages?name=ann&hue=7", '{"text":"mine","id":"c-1","reply":2}'],
    ["PATCH", "messages/4?name=ann&hue=7", '{"text":"mine, corrected","id":"c-2"}'],
    ["PUT", "messages/4/reactions/%F0%9F%91%8D?name=ann&hue=7", "c-3"],
    ["DELETE", "messages/4/reactions/%F0%9F%91%8D?name=ann&hue=7", "c-4"],
    ["DELETE", "messages/4?name=ann&hue=7", "c-5"],
  ]);
  const last = room(app).feed.at(-1);
  assert.ok(last?.kind === "message" && last.deleted && !last.busy);
  assert.equal(house.log("123").length, 8);
});

test("a stream that is held back twice gives way to a poll", async () => {
  const { house, world, app } = await behindProxy((h) => ((h.sockets = false), (h.streams = false)));
  await world.pass(30_000);
  assert.deepEqual(app.state.connection, { kind: "online", by: "poll" });
  house.say("123", "four");
  await world.pass(0);
  assert.deepEqual(offsets(app), [1, 2, 3, 4]);
  app.post("five");
  await world.pass(0);
  assert.equal(texts(app).at(-1), "five");
});

test("a stream that falls silent twice gives way to a poll", async () => {
  const { world, app } = await behindProxy((h) => (h.sockets = false));
  await world.pass(1000);
  assert.equal(world.streams.length, 1);
  await world.pass(21_000); // no comment came
  assert.equal(world.streams.length, 2);
  await world.pass(25_000);
  assert.deepEqual(app.state.connection, { kind: "online", by: "poll" });
});

test("comments are signs of life", async () => {
  const { world, app } = await behindProxy((h) => (h.sockets = false));
  await world.pass(1000);
  const { length } = world.streams;
  for (let i = 0; i < 10; i++) {
    await world.pass(15_000);
    world.lastStream.say(":\n\n");
  }
  assert.deepEqual([world.streams.length, app.state.connection], [length, { kind: "online", by: "stream" }]);
});

test("a stream that is ended after a while, and a poll that is missed once, are no break", async () => {
  const { house, world, app } = await behindProxy((h) => (h.sockets = false));
  await world.pass(1000);
  await world.pass(11_000);
  world.lastStream.end();
  house.say("123", "four");
  assert.equal(app.state.connection.kind, "online");
  await world.pass(1000);
  assert.deepEqual([offsets(app), lines(app)], [[1, 2, 3, 4], ["connected"]]);
  house.say("123", "five");
  app.wake();
  assert.equal(world.lastStream.url.searchParams.get("after"), "5", "it goes on from what has come");
  await world.pass(0);
  world.lastStream.end();
  assert.equal(app.state.connection.kind, "reconnecting", "at once again: that is one");

  const poll = await behindProxy((h) => ((h.sockets = false), (h.streams = false)));
  await poll.world.pass(30_000);
  poll.world.lastStream.end(false);
  await poll.world.pass(1000);
  poll.world.lastStream.answer({ status: 504, body: "<html>" });
  poll.house.say("123", "four");
  await poll.world.pass(1000);
  assert.deepEqual([offsets(poll.app), lines(poll.app), poll.app.state.connection.kind], [[1, 2, 3, 4], ["connected"], "online"]);
  poll.house.up = false;
  poll.world.lastStream.end(false);
  await poll.world.pass(1000);
  assert.notEqual(poll.app.state.connection.kind, "online");
});

test("a server that is away is no reason to take another way", async () => {
  const { house, world, app } = await behindProxy(() => {});
  house.up = false;
  world.socket.drop();
  await world.pass(120_000);
  assert.equal(app.state.connection.kind, "reconnecting");
  assert.equal(world.streams.length, 0);
  house.up = true;
  app.reconnectNow();
  await world.pass(0);
  assert.deepEqual(app.state.connection, { kind: "online", by: "websocket" });
});

test("it climbs back without a gap and without a word", async () => {
  const { house, world, app } = await behindProxy((h) => (h.sockets = false));
  await world.pass(1000);
  const dialled = world.sockets.length;
  await world.pass(15_000);
  assert.equal(world.sockets.length, dialled + 1, "a scout, after 15 s");
  world.lastStream.say(":\n\n");
  house.sockets = true;
  const states: string[] = [];
  for (let i = 0; i < 30; i++) {
    await world.pass(1000);
    world.lastStream.say(":\n\n");
    house.say("123", "more");
    states.push(app.state.connection.kind);
  }
  assert.deepEqual(app.state.connection, { kind: "online", by: "websocket" });
  assert.ok(states.every((s) => s === "online"));
  assert.deepEqual(lines(app), ["connected"]);
  assert.equal(world.lastStream.open, false);
  assert.deepEqual(offsets(app), Array.from({ length: 33 }, (_, i) => i + 1));
});

test("scouts come more and more rarely", async () => {
  const { world } = await behindProxy((h) => (h.sockets = false));
  await world.pass(1000);
  const at: number[] = [];
  const { dialled } = world;
  world.dialled = (s) => (at.push(world.time), dialled(s));
  for (let i = 0; i < 80; i++) {
    await world.pass(15_000);
    world.lastStream.say(":\n\n");
  }
  const gaps = at.slice(1).map((t, i) => Math.round((t - (at[i] ?? 0)) / 1000));
  assert.deepEqual(gaps, [30, 60, 120, 240, 300, 300]);
});

test("over a poll and a stream it goes from room to room", async () => {
  for (const streams of [true, false]) {
    const { house, world, app } = await behindProxy((h) => ((h.sockets = false), (h.streams = streams)));
    house.fill("茶", 2);
    await world.pass(30_000);
    app.enter("茶");
    await world.pass(0);
    house.say("茶", "three");
    house.say("123", "elsewhere");
    await world.pass(0);
    assert.deepEqual(texts(app), ["text 1", "text 2", "three"], String(streams));
    assert.equal(app.state.connection.kind, "online");
  }
});

test("a reset over a stream and a poll reads the page anew", async () => {
  for (const streams of [true, false]) {
    const { house, world, app } = await behindProxy((h) => ((h.sockets = false), (h.streams = streams)));
    await world.pass(30_000);
    house.epoch = "new";
    house.logs.clear();
    house.fill("123", 2);
    for (const seat of house.seats) seat.after = 2;
    const position = { epoch: "new", head: 2, floor: 1 };
    if (streams) world.lastStream.say(`id: new:2\nevent: reset\ndata: ${JSON.stringify(position)}\n\n`);
    else world.lastStream.answer({ status: 410, body: JSON.stringify({ code: "reset", ...position }) });
    await world.pass(0);
    house.say("123", "three");
    await world.pass(0);
    assert.deepEqual(texts(app), ["text 1", "text 2", "three"], String(streams));
  }
});

test("a page that is woken looks for a better way at once", async () => {
  const { house, world, app } = await behindProxy((h) => (h.sockets = false));
  await world.pass(1000);
  for (let i = 0; i < 10; i++) {
    await world.pass(15_000);
    world.lastStream.say(":\n\n");
  }
  house.sockets = true;
  app.wake();
  await world.pass(15_000);
  assert.deepEqual(app.state.connection, { kind: "online", by: "websocket" });
});

test("who is asleep on a stream asks for it anew", async () => {
  const { world, app } = await behindProxy((h) => (h.sockets = false));
  await world.pass(1000);
  const { length } = world.streams;
  world.streamed = () => {}; // dead: nothing comes of it
  app.wake();
  assert.equal(world.streams.length, length + 1);
  await world.pass(3000);
  assert.equal(app.state.connection.kind, "reconnecting");
});

test("without a page that says so, the server is asked who one is", async () => {
  const house = new House();
  house.sockets = false;
  const world = new World();
  house.serve(world);
  const app = client(world, { boot: null });
  app.start("123");
  await world.pass(1000);
  assert.ok(world.asked.includes("http://h:8000/chat/me?name=ann"));
  assert.equal(app.state.me?.id, "g-5kq");
});
