// What the stories begin with: somebody in a room.

import { App, type AppOptions, type AppState, type Notice } from "../client/app.js";
import type { House } from "./house.js";
import { World } from "./world.js";

export interface Told {
  readonly notices: Notice[];
}

export function client(world: World, options: Partial<AppOptions> = {}): App & Told {
  const notices: Notice[] = [];
  const app = new App({
    platform: world,
    origin: "http://h:8000",
    base: "/chat",
    boot: null,
    name: "ann",
    hue: null,
    changed: () => {},
    notice: (n) => notices.push(n),
    ...options,
  });
  return Object.assign(app, { notices });
}

// entered is a room over a socket that the test speaks for.
export async function entered(head = 3): Promise<{ world: World; app: App & Told }> {
  const world = new World();
  world.page(head);
  const app = client(world);
  app.start("123");
  await world.pass(0);
  world.socket.hello();
  await world.pass(0);
  return { world, app };
}

// visiting is a room of a House, seen at its end.
export async function visiting(house: House, options: Partial<AppOptions> = {}, world = new World()): Promise<{ world: World; app: App & Told }> {
  house.serve(world);
  const app = client(world, options);
  app.start("123");
  app.seen(true, true);
  await world.pass(0);
  return { world, app };
}

export function room(app: { readonly state: AppState }) {
  const { room } = app.state;
  if (!room) throw new Error("no room is open");
  return room;
}

export const offsets = (app: App) => room(app).feed.flatMap((r) => (r.kind === "message" ? [r.offset] : []));
export const texts = (app: App) => room(app).feed.flatMap((r) => (r.kind === "message" ? [r.text] : []));
export const lines = (app: App) => room(app).feed.flatMap((r) => (r.kind === "line" ? [r.what] : []));
export const statuses = (app: App) => room(app).pending.map((p) => p.status.kind);
