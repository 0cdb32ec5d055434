// The room's page: puts the client and the document together. What is drawn is drawn
// from the state alone; what people do becomes a verb of the room.

import { cleanName } from "../client/limits.js";
import { Room } from "../client/room.js";
import { RoomURLs } from "../client/urls.js";
import { browser } from "./browser.js";
import { Composer } from "./composer.js";
import { byID } from "./dom.js";
import { Feed } from "./feed.js";
import { t } from "./i18n.js";
import { Status } from "./status.js";
import { nickname } from "./store.js";

export function room(): void {
  const { base = "", room = "", roomUrl = "", name = "" } = document.body.dataset;
  const nameField = byID("name", HTMLInputElement);
  nameField.value = cleanName(nickname.get() ?? name);

  const draw = painter(() => {
    feed.render(here.state);
    status.render(here.state);
  });
  const here = new Room({
    room,
    urls: new RoomURLs(location.origin, base, roomUrl),
    platform: browser,
    name: called(nameField.value),
    changed: draw,
  });
  const feed = new Feed({
    // The button is gone once it was pressed: the focus needs another place.
    retry: (id) => (here.retry(id), atDesk() && composer.focus()),
    discard: (id) => (here.discard(id), atDesk() && composer.focus()),
  });
  const status = new Status(here);
  const composer = new Composer(room, (text) => {
    here.post(text);
    feed.toEnd();
  });

  keepName(nameField, (name) => here.rename(called(name)), () => composer.focus());
  followWorld(() => here.wake());
  fitViewport();
  if (atDesk()) composer.focus();
  here.open();
}

// called is the name that others see: for who gives none, what stands in the empty field.
function called(name: string): string {
  return name || t("room.namePlaceholder");
}

// atDesk tells whether to put the focus where one writes: a phone would open its
// keyboard over the messages.
function atDesk(): boolean {
  return matchMedia("(pointer: fine)").matches;
}

// painter gathers the changes of a moment into one drawing. Frames stop in a hidden
// tab, so a timer stands by.
function painter(draw: () => void): () => void {
  let due = false;
  const paint = () => {
    if (!due) return;
    due = false;
    draw();
  };
  return () => {
    if (due) return;
    due = true;
    requestAnimationFrame(paint);
    setTimeout(paint, 100);
  };
}

function keepName(field: HTMLInputElement, rename: (name: string) => void, done: () => void): void {
  field.addEventListener("change", () => {
    field.value = cleanName(field.value);
    nickname.set(field.value);
    rename(field.value);
  });
  field.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || e.isComposing || e.keyCode === 229) return;
    // Not the form's Enter: it would send what stands in the other field.
    e.preventDefault();
    done();
  });
}

// followWorld calls when a sleeping connection may have died.
function followWorld(wake: () => void): void {
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
  addEventListener("online", wake);
  addEventListener("offline", wake);
  addEventListener("pageshow", (e) => e.persisted && wake());
}

// fitViewport keeps the page as high as what can be seen of it: the keyboard of an
// iPhone covers the page instead of making it smaller.
function fitViewport(): void {
  const view = window.visualViewport;
  if (!view) return;
  const fit = () => {
    if (view.scale > 1.01) return; // somebody zooms in: that's theirs
    document.documentElement.style.setProperty("--view", `${view.height}px`);
    scrollTo(0, 0);
  };
  view.addEventListener("resize", fit);
}
