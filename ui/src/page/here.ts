// The client and what it knows, for everything that is drawn: `here` takes the verbs, the
// signals tell the state. Each is a part of it, so that who shows the people isn't drawn
// again by a message.

import { computed, signal } from "@preact/signals";
import type { App, AppState, Author } from "../client/app.js";

const idle: AppState = { me: null, connection: { kind: "connecting" }, room: null, rooms: [] };

export const app = signal<AppState>(idle);

// begin is called once, before anything is drawn.
export let here: App;

export function begin(client: App): void {
  here = client;
  app.value = client.state;
}

export const me = computed(() => app.value.me);
export const connection = computed(() => app.value.connection);
export const rooms = computed(() => app.value.rooms);
export const room = computed(() => app.value.room);
export const roomName = computed(() => app.value.room?.room ?? "");
export const people = computed(() => app.value.room?.people ?? nobody);
export const headcount = computed(() => app.value.room?.count ?? null);
export const typing = computed(() => app.value.room?.typing ?? nobody);
export const failure = computed(() => app.value.room?.failure ?? null);
export const kept = computed(() => app.value.room?.kept ?? false);

export const level = computed(() => rooms.value.find((r) => r.room === roomName.value)?.level ?? "all");

const nobody: readonly Author[] = [];
