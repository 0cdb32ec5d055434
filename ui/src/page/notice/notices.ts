// Notifications of the browser. The client decides what is worth one; this shows them,
// and takes them away when their room is seen.

import { effect, signal } from "@preact/signals";
import type { Notice } from "../../client/app.js";
import { plain } from "../feed/plain.js";
import { roomName } from "../here.js";
import { t } from "../i18n.js";
import { asset, go, urls } from "../place.js";
import { ting } from "./sound.js";
import { seenElsewhere } from "./tabs.js";

export const permission = signal<NotificationPermission | "unsupported">("Notification" in globalThis ? Notification.permission : "unsupported");

export async function askPermission(): Promise<void> {
  permission.value = await Notification.requestPermission();
}

const longest = 160;
const shown = new Map<string, Notification>();

export async function notify(n: Notice): Promise<void> {
  if (await seenElsewhere(n.room)) return;
  ting();
  if (permission.value !== "granted" || document.hasFocus()) return;
  const { room, message, mention } = n;
  const title = t(mention ? "notify.mentioned" : "notify.said", { name: message.author.name, room });
  const options = { body: plain(message).slice(0, longest), tag: urls.page(room), icon: asset("icon-192.png") };
  try {
    const notification = new Notification(title, options);
    notification.onclick = () => {
      window.focus();
      notification.close();
      go(room, message.offset);
    };
    // One that a newer one replaces closes after that is shown.
    notification.onclose = () => shown.get(room) === notification && shown.delete(room);
    shown.set(room, notification);
  } catch {
    // A phone shows them by its service worker only, which opens the address in the data.
    void navigator.serviceWorker?.ready.then((sw) => sw.showNotification(title, { ...options, data: urls.permalink(room, message.offset) }));
  }
}

// clearNotices takes away what was seen: the open room's, whenever the page is looked at.
export function clearNotices(): void {
  const clear = () => {
    if (!document.hasFocus()) return;
    shown.get(roomName.value)?.close();
    void closeKept(roomName.value);
  };
  addEventListener("focus", clear);
  effect(() => {
    void roomName.value;
    clear();
  });
}

// closeKept closes those of a room that the service worker has shown.
async function closeKept(room: string): Promise<void> {
  const sw = await navigator.serviceWorker?.getRegistration();
  for (const n of (await sw?.getNotifications({ tag: urls.page(room) })) ?? []) n.close();
}
