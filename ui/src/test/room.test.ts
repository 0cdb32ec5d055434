// A room through breaks, resets and slow answers: the stories that users live through.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Room } from "../client/room.js";
import { RoomURLs } from "../client/urls.js";
import { ann, event, World } from "./world.js";

function enter(world: World, name = "ann"): Room {
  const urls = new RoomURLs("http://h:8000", "/chat", "123");
  const room = new Room({ room: "123", urls, platform: world, name, changed: () => {} });
  room.open();
  return room;
}

async function entered(head = 3): Promise<{ world: World; room: Room }> {
  const world = new World();
  world.page(head);
  const room = enter(world);
  await world.pass(0);
  world.socket.hello();
  return { world, room };
}

const offsets = (room: Room) => room.state.feed.flatMap((i) => (i.kind === "message" ? [i.offset] : []));
const statuses = (room: Room) => room.state.pending.map((p) => p.status.kind);

test("it reads the newest page, then follows from its head", async () => {
  const { world, room } = await entered();
  assert.deepEqual(world.asked, ["http://h:8000/chat/room/123/events?last=50"]);
  assert.equal(world.socket.url, "ws://h:8000/chat/room/123/?after=3&epoch=k3v9&name=ann");
  assert.equal(world.socket.protocol, "teahouse.v1");
  assert.equal(room.state.connection.kind, "online");
});

test("after a break it goes on from where it stopped", async () => {
  const { world, room } = await entered();
  world.socket.deliver(event(4));
  world.socket.drop();
  assert.deepEqual(room.state.connection, { kind: "reconnecting", at: world.time + 250 });
  await world.pass(250);
  assert.equal(world.asked.length, 1);
  assert.match(world.socket.url, /after=4&epoch=k3v9/);
  world.socket.hello();
  world.socket.deliver(event(5), event(6));
  assert.deepEqual(offsets(room), [1, 2, 3, 4, 5, 6]);
});

test("it waits longer each time, never longer than half a minute", async () => {
  const { world, room } = await entered();
  world.chance = 0.999;
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    world.socket.drop();
    assert.ok(room.state.connection.kind === "reconnecting");
    const wait = room.state.connection.at - world.time;
    waits.push(Math.round(wait / 100) / 10);
    await world.pass(wait);
  }
  assert.deepEqual(waits, [0.5, 1, 2, 4, 8, 16, 30, 30, 30]);
});

test("it comes back when the server said to", async () => {
  const { world, room } = await entered();
  world.socket.say({ type: "bye", code: "restart", retry_after: 3.2 });
  world.socket.drop(1012);
  assert.deepEqual(room.state.connection, { kind: "reconnecting", at: world.time + 3200 });
  room.wake(); // the page is looked at: that is no reason to hurry
  assert.equal(world.sockets.length, 1);
  room.reconnectNow(); // somebody asks for it: that is
  await world.pass(0);
  assert.equal(world.sockets.length, 2);
});

test("a server that is full gets more time than one that is slow", async () => {
  for (const [code, wait] of [[1013, 4000], [4408, 250], [1012, 250]] as const) {
    const { world, room } = await entered();
    world.socket.drop(code);
    assert.deepEqual(room.state.connection, { kind: "reconnecting", at: world.time + wait }, String(code));
  }
});

test("who isn't allowed doesn't knock again", async () => {
  const { world, room } = await entered();
  world.socket.drop(4403);
  assert.deepEqual(room.state.connection, { kind: "offline", why: "refused" });
  await world.pass(60_000);
  assert.equal(world.sockets.length, 1);
});

test("a wait in the page's answer is honoured", async () => {
  const world = new World();
  world.answer = () => Promise.resolve({ status: 503, body: "", retryAfter: 7 });
  const room = enter(world);
  await world.pass(0);
  assert.deepEqual(room.state.connection, { kind: "reconnecting", at: world.time + 7000 });
});

test("a socket that died in its sleep is found out in three seconds", async () => {
  const { world, room } = await entered();
  room.wake();
  assert.deepEqual(world.socket.sent, [{ type: "ping" }]);
  await world.pass(2999);
  assert.equal(room.state.connection.kind, "online");
  await world.pass(1);
  assert.equal(room.state.connection.kind, "reconnecting");
  assert.equal(world.socket.open, false);
});

test("a socket that answers stays", async () => {
  const { world, room } = await entered();
  room.wake();
  world.socket.say({ type: "pong" });
  await world.pass(5000);
  assert.equal(room.state.connection.kind, "online");
});

test("silence is asked about, and then not believed", async () => {
  const { world, room } = await entered();
  await world.pass(25_000);
  assert.deepEqual(world.socket.sent, [{ type: "ping" }]);
  await world.pass(8_000);
  assert.equal(room.state.connection.kind, "reconnecting");
});

test("a server that never says hello is given up", async () => {
  const world = new World();
  world.page(0);
  const room = enter(world);
  await world.pass(10_000);
  assert.equal(room.state.connection.kind, "reconnecting");
});

test("closed by its user it stays closed, and what the old socket says goes unheard", async () => {
  const { world, room } = await entered();
  const old = world.socket;
  room.close();
  old.deliver(event(4));
  old.drop();
  await world.pass(60_000);
  assert.deepEqual(room.state.connection, { kind: "offline", why: "user" });
  assert.deepEqual(offsets(room), [1, 2, 3]);
  room.open();
  await world.pass(0);
  world.socket.hello();
  assert.equal(room.state.connection.kind, "online");
});

test("another name is another connection, from the same cursor", async () => {
  const { world, room } = await entered();
  room.rename("茶客");
  await world.pass(0);
  assert.equal(world.socket.url, "ws://h:8000/chat/room/123/?after=3&epoch=k3v9&name=%E8%8C%B6%E5%AE%A2");
});

test("a reset reads the page anew and loses nothing that comes meanwhile", async () => {
  const { world, room } = await entered();
  world.page(11, "new", 10);
  world.socket.say({ type: "reset", room: "123", epoch: "new", head: 10, floor: 1 });
  world.socket.deliver(event(11)); // the page has this one too
  world.socket.deliver(event(12));
  assert.deepEqual(offsets(room), [1, 2, 3], "still there: no flash");
  await world.pass(0);
  assert.deepEqual(offsets(room), [10, 11, 12]);
  assert.deepEqual(room.state.cursor, { after: 12, epoch: "new" });
  assert.equal(world.sockets.length, 1);
});

test("a hole is filled by asking again from the cursor", async () => {
  const { world, room } = await entered();
  world.socket.deliver(event(5));
  assert.deepEqual(offsets(room), [1, 2, 3]);
  await world.pass(250);
  assert.match(world.socket.url, /after=3&/);
  world.socket.hello();
  world.socket.deliver(event(4), event(5));
  assert.deepEqual(offsets(room), [1, 2, 3, 4, 5]);
});

test("posts go out one after the other and are confirmed by their events", async () => {
  const { world, room } = await entered();
  room.post("one");
  room.post("two");
  assert.deepEqual(world.socket.sent, [{ type: "post", ref: 1, room: "123", id: "c-1", text: "one" }]);
  world.socket.say({ type: "ok", ref: 1, room: "123", offset: 4 });
  assert.deepEqual(statuses(room), ["accepted", "sending"]);
  world.socket.deliver(event(4, "c-1", ann), event(5, "c-2", ann));
  assert.deepEqual(statuses(room), []);
  world.socket.say({ type: "ok", ref: 2, room: "123", offset: 5 });
  assert.equal(world.socket.sent.length, 2);
});

test("a post without an answer goes again after the break, with the same id", async () => {
  const { world, room } = await entered();
  room.post("one");
  world.socket.drop();
  room.post("written in the tunnel");
  assert.deepEqual(statuses(room), ["waiting", "waiting"]);
  await world.pass(250);
  world.socket.hello();
  assert.deepEqual(world.socket.sent, [{ type: "post", ref: 2, room: "123", id: "c-1", text: "one" }]);
  world.socket.deliver(event(4, "c-1", ann)); // it had been taken, and the answer lost
  world.socket.say({ type: "ok", ref: 2, room: "123", offset: 4 });
  assert.deepEqual(world.socket.sent[1], { type: "post", ref: 3, room: "123", id: "c-2", text: "written in the tunnel" });
});

test("a limit holds the queue, in order, for as long as it says", async () => {
  const { world, room } = await entered();
  room.post("one");
  room.post("two");
  world.socket.say({ type: "error", ref: 1, code: "rate_limited", detail: "", retry_after: 1.5 });
  assert.deepEqual(statuses(room), ["slowed", "waiting"]);
  await world.pass(1499);
  assert.equal(world.socket.sent.length, 1);
  await world.pass(1);
  assert.deepEqual(world.socket.sent[1], { type: "post", ref: 2, room: "123", id: "c-1", text: "one" });
});

test("a refused post keeps its text, lets the next by, and goes again when asked", async () => {
  const { world, room } = await entered();
  room.post("one");
  room.post("two");
  world.socket.say({ type: "error", ref: 1, code: "forbidden", detail: "" });
  assert.deepEqual(statuses(room), ["failed", "sending"]);
  assert.equal(room.state.pending[0]?.text, "one");
  world.socket.say({ type: "ok", ref: 2, room: "123", offset: 4 });
  room.retry("c-1");
  assert.deepEqual(world.socket.sent[2], { type: "post", ref: 3, room: "123", id: "c-1", text: "one" });
  world.socket.say({ type: "error", ref: 3, code: "forbidden", detail: "" });
  room.discard("c-1");
  assert.deepEqual(statuses(room), ["accepted"]);
});

test("a post that gets no answer makes the socket suspect", async () => {
  const { world, room } = await entered();
  room.post("one");
  await world.pass(13_000);
  assert.equal(room.state.connection.kind, "reconnecting");
  assert.deepEqual(statuses(room), ["waiting"]);
});
