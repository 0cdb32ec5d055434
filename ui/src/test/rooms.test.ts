// The rooms that are mine: what is unread, what is worth a notice, and read marks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { client, room, visiting } from "./client.js";
import { House } from "./house.js";
import { ann, bob, World } from "./world.js";

const listed = (room: string, head: number, more: object = {}) => ({ room, epoch: "k3v9", head, read: head, unread: 0, level: "all", last: new Date(1_700_000_000_000 + head).toISOString(), ...more });

function house(): House {
  const h = new House();
  h.fill("123", 3);
  h.fill("tea", 2);
  h.fill("quiet", 1);
  h.mine = [listed("123", 3), listed("tea", 2, { unread: 1, read: 1 }), listed("quiet", 1, { level: "mentions" })];
  return h;
}

const entry = (app: Awaited<ReturnType<typeof visiting>>["app"], name: string) => app.state.rooms.find((r) => r.room === name);
const unread = (app: Awaited<ReturnType<typeof visiting>>["app"]) => Object.fromEntries(app.state.rooms.map((r) => [r.room, r.unread]));

test("the list is there on connecting, newest first, and the others are listened to", async () => {
  const { world, app } = await visiting(house());
  assert.deepEqual(app.state.rooms.map((r) => r.room), ["123", "tea", "quiet"]);
  assert.deepEqual(unread(app), { "123": 0, tea: 1, quiet: 0 });
  const quiet = world.socket.of("join").filter((f) => f.quiet);
  assert.deepEqual(quiet.map(({ room, after, epoch }) => [room, after, epoch]), [["tea", 2, "k3v9"], ["quiet", 1, "k3v9"]]);
});

test("at most twenty others are listened to", async () => {
  const h = house();
  h.mine = [listed("123", 3), ...Array.from({ length: 40 }, (_, i) => listed(`r${i}`, 0))];
  const { world } = await visiting(h);
  assert.equal(world.socket.of("join").filter((f) => f.quiet).length, 20);
});

test("others' messages count up, and call where one's name is called", async () => {
  const h = house();
  const { app } = await visiting(h);
  h.say("tea", "hi");
  h.say("tea", "mine from another tab", ann);
  h.amend("tea", "reacted", 1, { emoji: "x", on: true });
  assert.deepEqual([entry(app, "tea")?.unread, entry(app, "tea")?.mentioned, app.state.rooms[0]?.room], [2, false, "tea"]);
  h.say("tea", "hello @Ann");
  assert.deepEqual([entry(app, "tea")?.unread, entry(app, "tea")?.mentioned], [3, true]);
  const told = app.notices.map((n) => [n.room, n.message.text, n.mention]);
  assert.deepEqual(told, [["tea", "hi", false], ["tea", "hello @Ann", true]]);
});

test("a room's level says what is worth a notice", async () => {
  const h = house();
  const { world, app } = await visiting(h);
  h.say("quiet", "hi");
  assert.equal(app.notices.length, 0);
  h.say("quiet", "@ann");
  assert.equal(app.notices.length, 1);
  app.level("quiet", "none");
  h.say("quiet", "@ann again");
  assert.equal(app.notices.length, 1);
  const put = world.requests.find((r) => r.request.method === "PUT");
  assert.deepEqual([put?.url, put?.request.body], ["http://h:8000/chat/me/rooms/quiet", '{"level":"none"}']);
  assert.equal(entry(app, "quiet")?.level, "none");
});

test("the open room has notices only while its end isn't seen", async () => {
  const h = house();
  const { app } = await visiting(h);
  h.say("123", "seen");
  assert.deepEqual([app.notices.length, entry(app, "123")?.unread], [0, 0]);
  app.seen(false, true);
  h.say("123", "away");
  assert.deepEqual([app.notices.length, entry(app, "123")?.unread, room(app).unreadFrom], [1, 1, 5]);
  app.seen(true, true);
  assert.deepEqual([entry(app, "123")?.unread, room(app).read], [0, 5]);
});

test("of what comes together one notice is enough, and a call goes before", async () => {
  const h = house();
  const { world, app } = await visiting(h);
  h.flowing = false;
  for (const text of ["a", "@ann b", "c"]) h.say("tea", text);
  h.pump();
  assert.deepEqual(app.notices.map((n) => n.message.text), ["@ann b"]);
  assert.equal(entry(app, "tea")?.unread, 4);
  await world.pass(0);
});

test("what came during a break is counted by the server and looked at for calls", async () => {
  const h = house();
  const { world, app } = await visiting(h);
  h.up = false;
  world.socket.drop();
  h.say("tea", "@ann where are you");
  h.mine = [listed("123", 3), listed("tea", 3, { unread: 2, read: 1 })];
  h.up = true;
  app.reconnectNow();
  await world.pass(100);
  assert.deepEqual([entry(app, "tea")?.unread, entry(app, "tea")?.mentioned, app.notices.length], [2, true, 1]);
});

test("a mark moves when the end is seen, and is told at most every two seconds", async () => {
  const h = house();
  const { world, app } = await visiting(h);
  h.say("123", "four");
  h.say("123", "five");
  assert.deepEqual([room(app).read, h.marks], [5, []]);
  await world.pass(2000);
  assert.deepEqual(h.marks, [{ room: "123", read: 5 }]);
  app.seen(true, false); // scrolled up
  h.say("123", "six");
  await world.pass(5000);
  assert.deepEqual([room(app).read, room(app).missed, h.marks.length], [5, 1, 1]);
  app.seen(true, true);
  app.left();
  await world.pass(0);
  assert.deepEqual(h.marks.at(-1), { room: "123", read: 6 });
});

test("without a socket a mark is a request that outlives the page", async () => {
  const h = house();
  h.sockets = false;
  const { world, app } = await visiting(h);
  await world.pass(1000);
  h.say("123", "four");
  app.left();
  const put = world.requests.find((r) => r.request.method === "PUT");
  assert.deepEqual([put?.url, put?.request], ["http://h:8000/chat/me/rooms/123", { method: "PUT", body: '{"read":4}', keepalive: true }]);
});

test("without a socket the list is looked at again while the page is seen", async () => {
  const h = house();
  h.sockets = false;
  const { world, app } = await visiting(h);
  const looks = () => world.asked.filter((url) => url.endsWith("/me/rooms")).length;
  const beat = async (n: number) => {
    for (let i = 0; i < n; i++) {
      await world.pass(10_000);
      world.lastStream.say(":\n\n");
    }
  };
  await beat(1);
  const before = looks();
  await beat(6);
  assert.equal(looks() - before, 2);
  app.seen(false, true);
  await beat(12);
  assert.equal(looks() - before, 2);
  h.mine = [listed("tea", 9, { unread: 7, read: 2 })];
  app.seen(true, true);
  app.wake();
  await world.pass(0);
  assert.equal(entry(app, "tea")?.unread, 7);
});

test("what another tab has read is read here, too", async () => {
  const h = house();
  const { world, app } = await visiting(h);
  app.seen(false, true);
  h.say("123", "four");
  world.socket.say({ type: "read", room: "tea", offset: 2, level: "none" });
  world.socket.say({ type: "read", room: "123", offset: 4, level: "all" });
  assert.deepEqual([entry(app, "tea")?.unread, entry(app, "tea")?.level, entry(app, "123")?.unread, room(app).read], [0, "none", 0, 4]);
});

test("a room is entered where one has read to; a new one at its head", async () => {
  const h = house();
  const { world, app } = await visiting(h);
  assert.equal(room(app).unreadFrom, null);
  app.enter("tea");
  await world.pass(0);
  assert.deepEqual([room(app).unreadFrom, entry(app, "tea")?.unread], [2, 0]);
  h.fill("new", 5);
  app.enter("new");
  await world.pass(2000);
  assert.deepEqual([room(app).unreadFrom, room(app).read, h.marks.at(-1)], [null, 5, { room: "new", read: 5 }]);
  assert.ok(entry(app, "new"));
  // The rooms that were left are listened to again.
  h.say("tea", "three");
  assert.deepEqual([entry(app, "tea")?.unread, app.notices.length], [1, 1]);
});

test("what the page brought says where one has read to", async () => {
  const h = house();
  const boot = { me: ann, page: JSON.parse(h.page(new URL("http://h/room/123/events?last=50")).body) as unknown, read: 1, level: "mentions" as const };
  const world = new World();
  h.serve(world);
  const app = client(world, { boot });
  app.start("123");
  assert.deepEqual([room(app).unreadFrom, app.state.rooms[0]?.level, app.state.me?.id], [2, "mentions", ann.id]);
  await world.pass(0);
});

test("a room can be forgotten", async () => {
  const h = house();
  const { world, app } = await visiting(h);
  app.forget("tea");
  assert.equal(entry(app, "tea"), undefined);
  assert.equal(world.socket.of("leave")[0]?.room, "tea");
  await world.pass(0);
  assert.deepEqual(world.requests.filter((r) => r.request.method === "DELETE").map((r) => r.url), ["http://h:8000/chat/me/rooms/tea"]);
});

test("rooms and oneself are remembered where there is no server", async () => {
  const h = house();
  const first = await visiting(h);
  first.app.left();
  await first.world.pass(0);
  h.up = false;
  const { app } = await visiting(h, {}, new World(first.world.storage));
  assert.deepEqual([app.state.me?.id, unread(app)], [ann.id, { "123": 0, tea: 1, quiet: 0 }]);
});

test("typing is told at most once in three seconds, and others' expires", async () => {
  const h = house();
  const { world, app } = await visiting(h);
  app.typing();
  app.typing();
  await world.pass(2999);
  app.typing();
  assert.deepEqual(world.socket.of("signal"), [{ type: "signal", room: "123", kind: "typing" }]);
  await world.pass(1);
  app.typing();
  assert.equal(world.socket.of("signal").length, 2);

  const signal = (author: object) => world.socket.say({ type: "signal", room: "123", kind: "typing", author });
  signal(ann);
  signal(bob);
  assert.deepEqual(room(app).typing, [bob]);
  await world.pass(4000);
  signal(bob);
  await world.pass(4000);
  assert.deepEqual(room(app).typing, [bob]);
  await world.pass(1000);
  assert.deepEqual(room(app).typing, []);
  signal(bob);
  h.say("123", "there");
  assert.deepEqual(room(app).typing, []);
});
