// The room's page: puts the client and the document together. What is drawn is drawn
// from the state alone; what people do becomes a verb of the client.

import { effect } from "@preact/signals";
import { render } from "preact";
import { App, type AppState, type Boot } from "../client/app.js";
import { browser } from "./browser.js";
import { app, begin, here } from "./here.js";
import { notify } from "./notice/notices.js";
import { showUnread } from "./notice/unread.js";
import { Page } from "./Page.js";
import { address, base } from "./place.js";
import { called, hue, rename, tellChanges } from "./self.js";
import { atDesk, drawer, focused, hovered, mode, overlay, toComposer } from "./view.js";
import { fitViewport } from "./viewport.js";

export function room(): void {
  const root = document.getElementById("app");
  if (!root) return;
  const typed = whatWasTyped();
  begin(
    new App({
      platform: browser(base),
      origin: location.origin,
      base,
      boot: readBoot(),
      name: called(),
      hue: hue.value,
      changed: painter((state) => (app.value = state)),
      notice: notify,
    }),
  );
  const { room, at } = address.value;
  here.start(room, at);
  app.value = here.state;
  root.replaceChildren();
  render(<Page typed={typed.text} />, root);
  if (typed.focus || (atDesk() && at === undefined)) toComposer();
  followAddress();
  followWorld();
  tellChanges();
  showUnread();
  fitViewport();
}

// whatWasTyped is what people wrote into the server's form before this script ran.
function whatWasTyped(): { text: string; focus: boolean } {
  const text = document.querySelector<HTMLTextAreaElement>("#text");
  const name = document.querySelector<HTMLInputElement>("#name");
  if (name && name.value !== name.defaultValue) rename(name.value);
  return { text: text?.value ?? "", focus: !!text && document.activeElement === text };
}

function readBoot(): Boot | null {
  try {
    return JSON.parse(document.getElementById("boot")?.textContent ?? "null") as Boot | null;
  } catch {
    return null; // the client reads the page itself
  }
}

// painter gathers the changes of a moment into one drawing. Frames stop in a hidden
// tab, so a timer stands by.
function painter(draw: (state: AppState) => void): (state: AppState) => void {
  let due: AppState | null = null;
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const paint = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    const state = due;
    due = null;
    if (state) draw(state);
  };
  return (state) => {
    if (!due) {
      frame = requestAnimationFrame(paint);
      timer = setTimeout(paint, 100);
    }
    due = state;
  };
}

// followAddress enters the room that the address names.
function followAddress(): void {
  let first = true;
  effect(() => {
    const { room, at } = address.value;
    if (first) {
      first = false;
      return;
    }
    if (room === here.state.room?.room) {
      if (at !== undefined) here.toOffset(at);
      return;
    }
    overlay.value = drawer.value = hovered.value = focused.value = null;
    mode.value = { kind: "new" };
    here.enter(room, at);
    if (atDesk() && at === undefined) toComposer();
  });
}

// followWorld tells the client when a sleeping connection may have died, and when the
// page is left.
function followWorld(): void {
  const wake = () => here.wake();
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? wake() : here.left()));
  addEventListener("online", wake);
  addEventListener("offline", wake);
  addEventListener("pageshow", (e) => e.persisted && wake());
  addEventListener("pagehide", () => here.left());
}
