// A room through breaks, resets and slow answers: the stories that users live through.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, entered, offsets, room, statuses } from "./client.js";
import { event, World } from "./world.js";

// What was sent, but for the number that its answer will bear.
const posts = (world: World) => world.socket.of("post").map(({ ref: _, ...f }) => f);

test("it reads the newest page, then follows from its head", async () => {
  const { world, app } = await entered();
  assert.deepEqual(world.pages, ["http://h:8000/chat/room/123/events?last=50"]);
  assert.equal(world.socket.url, "ws://h:8000/chat/ws?name=ann");
  assert.equal(world.socket.protocol, "teahouse.v1");
  assert.deepEqual(world.socket.sent[0], { type: "join", ref: 1, room: "123", after: 3, epoch: "k3v9" });
  assert.deepEqual(app.state.connection, { kind: "online", by: "websocket" });
});

test("what the page brought along needs no reading", async () => {
  const world = new World();
  world.page(0);
  const page = { room: "123", epoch: "k3v9", head: 2, floor: 1, events: [event(1), event(2)] };
  const app = client(world, { boot: { me: { id: "g-5kq", name: "" }, page, read: 2, level: "all" }, hue: 30 });
  app.start("123");
  assert.deepEqual(offsets(app), [1, 2]);
  await world.pass(0);
  assert.deepEqual(world.pages, []);
  assert.equal(world.socket.url, "ws://h:8000/chat/ws?name=ann&hue=30");
  world.socket.hello();
  assert.equal(world.socket.sent[0]?.after, 2);
});

test("after a break it goes on from where it stopped", async () => {
  const { world, app } = await entered();
  world.socket.deliver(event(4));
  world.socket.drop();
  assert.deepEqual(app.state.connection, { kind: "reconnecting", at: world.time + 250 });
  await world.pass(250);
  assert.equal(world.pages.length, 1);
  world.socket.hello();
  assert.equal(world.socket.of("join")[0]?.after, 4);
  world.socket.deliver(event(5), event(6));
  assert.deepEqual(offsets(app), [1, 2, 3, 4, 5, 6]);
});

test("what came before the answer to its join is of another cursor", async () => {
  const { world, app } = await entered();
  world.socket.drop();
  await world.pass(250);
  world.socket.say({ type: "hello", author: { id: "g-5kq", name: "ann" }, ping: 25 });
  world.socket.deliver(event(9));
  assert.equal(app.state.connection.kind, "online");
  world.socket.admit();
  world.socket.deliver(event(4));
  assert.deepEqual(offsets(app), [1, 2, 3, 4]);
});

test("a join that gets no answer gives the connection up", async () => {
  const world = new World();
  world.page(3);
  const app = client(world);
  app.start("123");
  await world.pass(0);
  world.socket.say({ type: "hello", author: { id: "g-5kq", name: "ann" }, ping: 25 });
  await world.pass(14_999);
  assert.equal(app.state.connection.kind, "online");
  await world.pass(1);
  assert.equal(app.state.connection.kind, "reconnecting");
});

test("it waits longer each time, never longer than half a minute", async () => {
  const { world, app } = await entered();
  world.serve = () => null; // the server is away: no reason to try another way
  world.chance = 0.999;
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    world.socket.drop();
    assert.ok(app.state.connection.kind === "reconnecting");
    const wait = app.state.connection.at - world.time;
    waits.push(Math.round(wait / 100) / 10);
    await world.pass(wait);
  }
  assert.deepEqual(waits, [0.5, 1, 2, 4, 8, 16, 30, 30, 30]);
});

test("it comes back when the server said to", async () => {
  const { world, app } = await entered();
  world.socket.say({ type: "bye", code: "restart", retry_after: 3.2 });
  world.socket.drop(1012);
  assert.deepEqual(app.state.connection, { kind: "reconnecting", at: world.time + 3200 });
  app.wake(); // the page is looked at: that is no reason to hurry
  assert.equal(world.sockets.length, 1);
  app.reconnectNow(); // somebody asks for it: that is
  await world.pass(0);
  assert.equal(world.sockets.length, 2);
});

test("a server that is full gets more time than one that is slow", async () => {
  for (const [code, wait] of [[1013, 4000], [4408, 250], [1012, 250]] as const) {
    const { world, app } = await entered();
    world.socket.drop(code);
    assert.deepEqual(app.state.connection, { kind: "reconnecting", at: world.time + wait }, String(code));
  }
});

test("who isn't allowed doesn't knock again", async () => {
  const { world, app } = await entered();
  world.socket.drop(4403);
  assert.deepEqual(app.state.connection, { kind: "offline", why: "refused" });
  await world.pass(60_000);
  assert.equal(world.sockets.length, 1);
});

test("a wait in the page's answer is honoured", async () => {
  const world = new World();
  world.serve = () => ({ status: 503, body: "", retryAfter: 7 });
  const app = client(world);
  app.start("123");
  await world.pass(0);
  assert.deepEqual(app.state.connection, { kind: "reconnecting", at: world.time + 7000 });
});

test("a socket that died in its sleep is found out in three seconds", async () => {
  const { world, app } = await entered();
  app.wake();
  assert.equal(world.socket.of("ping").length, 1);
  await world.pass(2999);
  assert.equal(app.state.connection.kind, "online");
  await world.pass(1);
  assert.equal(app.state.connection.kind, "reconnecting");
  assert.equal(world.sockets[0]?.open, false);
});

test("a socket that answers stays", async () => {
  const { world, app } = await entered();
  app.wake();
  world.socket.say({ type: "pong" });
  await world.pass(5000);
  assert.equal(app.state.connection.kind, "online");
});

test("silence is asked about, and then not believed", async () => {
  const { world, app } = await entered();
  await world.pass(25_000);
  assert.equal(world.socket.of("ping").length, 1);
  await world.pass(8_000);
  assert.equal(app.state.connection.kind, "reconnecting");
});

test("a server that never says hello is given up", async () => {
  const world = new World();
  world.page(0);
  const app = client(world);
  app.start("123");
  await world.pass(10_000);
  assert.equal(app.state.connection.kind, "reconnecting");
});

test("closed by its user it stays closed, and what the old socket says goes unheard", async () => {
  const { world, app } = await entered();
  const old = world.socket;
  app.close();
  old.deliver(event(4));
  old.drop();
  await world.pass(60_000);
  assert.deepEqual(app.state.connection, { kind: "offline", why: "user" });
  assert.deepEqual(offsets(app), [1, 2, 3]);
  app.open();
  await world.pass(0);
  world.socket.hello();
  assert.equal(app.state.connection.kind, "online");
});

test("another name or colour is told over the same connection, and at the next handshake", async () => {
  const { world, app } = await entered();
  app.me("茶客", 210);
  app.me("茶客", 210); // no news
  assert.deepEqual(world.socket.of("me").map(({ ref: _, ...f }) => f), [{ type: "me", name: "茶客", hue: 210 }]);
  assert.deepEqual(app.state.me, { id: "g-5kq", name: "茶客", hue: 210 });
  world.socket.drop();
  app.me("茶", null);
  assert.equal(world.sockets.length, 1);
  await world.pass(250);
  assert.equal(world.socket.url, "ws://h:8000/chat/ws?name=%E8%8C%B6");
  world.socket.hello();
  assert.deepEqual(world.socket.of("me"), []);
});

test("a name that changes during the handshake is told after it", async () => {
  const world = new World();
  world.page(0);
  const app = client(world);
  app.start("123");
  await world.pass(0);
  app.me("bo", null);
  world.socket.hello();
  assert.equal(world.socket.of("me")[0]?.name, "bo");
  assert.equal(app.state.me?.name, "bo");
});

test("a reset reads the page anew and loses nothing that comes meanwhile", async () => {
  const { world, app } = await entered();
  world.page(11, "new", 10);
  world.socket.say({ type: "reset", room: "123", epoch: "new", head: 10, floor: 1 });
  world.socket.deliver(event(11)); // the page has this one too
  world.socket.deliver(event(12));
  assert.deepEqual(offsets(app), [1, 2, 3], "still there: no flash");
  await world.pass(0);
  assert.deepEqual(offsets(app), [10, 11, 12]);
  assert.deepEqual(room(app).cursor, { after: 12, epoch: "new" });
  assert.equal(world.sockets.length, 1);
});

test("a page of another log than is followed starts over", async () => {
  const { world, app } = await entered();
  world.page(11, "newer", 10);
  world.socket.say({ type: "reset", room: "123", epoch: "new", head: 10, floor: 1 });
  await world.pass(0);
  assert.deepEqual(offsets(app), [10, 11]);
  await world.pass(250);
  world.socket.hello();
  assert.deepEqual([world.sockets.length, world.socket.of("join")[0]?.epoch], [2, "newer"]);
});

test("a hole is filled by asking again from the cursor", async () => {
  const { world, app } = await entered();
  world.socket.deliver(event(5));
  assert.deepEqual(offsets(app), [1, 2, 3]);
  await world.pass(250);
  world.socket.hello();
  assert.equal(world.socket.of("join")[0]?.after, 3);
  world.socket.deliver(event(4), event(5));
  assert.deepEqual(offsets(app), [1, 2, 3, 4, 5]);
});

test("a post that gets no answer makes the socket suspect", async () => {
  const { world, app } = await entered();
  app.post("one");
  assert.deepEqual(posts(world), [{ type: "post", room: "123", id: "c-1", text: "one" }]);
  await world.pass(13_000);
  assert.equal(app.state.connection.kind, "reconnecting");
  assert.deepEqual(statuses(app), ["waiting"]);
});
