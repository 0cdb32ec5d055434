// Whatever comes between them, in whatever order, the feed ends up as the log.

import assert from "node:assert/strict";
import { test } from "node:test";
import { messageOf, type Message } from "../client/message.js";
import { parseEvents } from "../client/protocol.js";
import { room, visiting } from "./client.js";
import { House } from "./house.js";
import { ann, bob, World } from "./world.js";

// A small generator of numbers that anybody can start again with the same seed (mulberry32).
function generator(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

// slow answers requests late, some with what was true when they were asked, and out of order.
function slow(house: House, world: World, pick: (below: number) => number): void {
  world.serve = async (url, request) => {
    const before = pick(2) === 0 ? house.answers(url, request) : undefined;
    await new Promise<void>((resolve) => world.timer(pick(400), resolve));
    return before === undefined ? house.answers(url, request) : before;
  };
}

type Client = Awaited<ReturnType<typeof visiting>>;

function happen(pick: (below: number) => number, house: House, { world, app }: Client): void {
  const target = 1 + pick(Math.max(1, house.log("123").length));
  const author = pick(2) ? ann : bob;
  const emoji = ["👍", "🍵"][pick(2)];
  const steps = [
    () => house.say("123", `said ${house.log("123").length}`, author, pick(4) ? {} : { reply: target }),
    () => house.fill("123", pick(30)),
    () => house.amend("123", "edited", target, { text: `edit ${house.log("123").length}` }, author),
    () => house.amend("123", "reacted", target, { emoji, on: pick(3) > 0 }, author),
    () => pick(3) || house.amend("123", "deleted", target, {}, author),
    () => house.pump(1 + pick(10)),
    () => house.pump(),
    // Events come twice, or again from long before.
    () => house.seats.forEach((s) => (s.after = Math.max(0, s.after - pick(20)))),
    () => world.sockets.at(-1)?.open && pick(3) === 0 && world.socket.drop(),
    () => (house.up = pick(4) > 0),
    () => (house.sockets = pick(4) > 0),
    () => (house.streams = pick(4) > 0),
    () => pick(6) === 0 && house.restore(world, Math.max(1, house.log("123").length - pick(30))),
    () => app.older(),
    () => app.older(),
    () => app.newer(),
    () => app.toOffset(target),
    () => app.toNewest(),
    () => app.seen(pick(2) > 0, pick(2) > 0),
    () => app.wake(),
    () => app.post(`mine ${pick(1000)}`),
    () => app.react(target, "👍", pick(2) > 0),
  ];
  steps[pick(steps.length)]?.();
}

// messages is what the log holds from one offset to another.
function messages(house: House, first: number, last: number): Message[] {
  const events = parseEvents(structuredClone(house.log("123"))) ?? [];
  return events.filter((e) => e.type === "message.posted" && e.offset >= first && e.offset <= last).map(messageOf);
}

const shown = (app: Client["app"]) => room(app).feed.filter((r) => r.kind === "message");

// calm lets everything work again, and what is on its way arrive.
async function calm(house: House, { world, app }: Client): Promise<void> {
  Object.assign(house, { up: true, sockets: true, streams: true, flowing: true });
  app.reconnectNow();
  for (let i = 0; i < 12; i++) {
    await world.pass(5_000);
    house.pump();
  }
  house.flowing = false;
}

function same(house: House, { app }: Client, story: string): void {
  const { window, pending, wishes, cursor } = room(app);
  assert.deepEqual([cursor?.after, pending, wishes], [house.log("123").length, [], []], `${story}: at rest`);
  assert.deepEqual(shown(app), messages(house, window.first, window.last), `${story}: the feed is the log, ${window.first} to ${window.last}`);
}

async function story(seed: number): Promise<void> {
  const name = `seed ${seed}`;
  const pick = generator(seed);
  const house = new House();
  house.flowing = false;
  house.fill("123", pick(200));
  const visit = await visiting(house, {}, new World());
  const { world, app } = visit;
  slow(house, world, pick);
  for (let i = 1; i <= 240; i++) {
    happen(pick, house, visit);
    await world.pass(pick(3) ? 0 : pick(2000));
    const offsets = shown(app).map((m) => m.offset);
    assert.ok(offsets.every((o, n) => n === 0 || o > (offsets[n - 1] ?? 0)) && room(app).feed.length <= 300, `${name}: in order and bounded`);
    if (i % 20 > 0) continue;
    await calm(house, visit);
    same(house, visit, `${name}, step ${i}`);
  }
  app.seen(true, true);
  app.toNewest();
  await world.pass(1000);
  assert.ok(room(app).attached, `${name}: at the head`);
  for (let i = 0; i < 100 && room(app).window.first > 1; i++) {
    app.older();
    await world.pass(5000);
    same(house, visit, name);
  }
  assert.equal(room(app).window.first, 1, name);
  const ids = new Set(house.committed);
  for (let i = 1; i <= world.storage.ids; i++) assert.ok(ids.has(`c-${i}`), `${name}: c-${i} was delivered`);
}

for (const seed of Array.from({ length: 30 }, (_, i) => i)) {
  test(`any interleaving ends in the same feed as the log (seed ${seed})`, () => story(seed));
}
