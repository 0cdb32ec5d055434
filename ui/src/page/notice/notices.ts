// Notifications of the browser. The client decides what is worth one; this shows them,
// and takes them away when their room is seen.

import { effect, signal } from "@preact/signals";
import type { Notice } from "../../client/app.js";
import { plain } from "../feed/plain.js";
import { roomName } from "../here.js";
import { t } from "../i18n.js";
import { asset, go, urls } from "../place.js";
import { ting } from "./sound.js";

export const permission = signal<NotificationPermission | "unsupported">("Notification" in globalThis ? Notification.permission : "unsupported");

export async function askPermission(): Promise<void> {
  permission.value = await Notification.requestPermission();
}

const longest = 160;
const shown = new Map<string, Notification>();

export function notify(n: Notice): void {
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
    notification.onclose = () => shown.delete(room);
    shown.set(room, notification);
  } catch {
    // A phone shows them by its service worker only, which opens the address in the data.
    void navigator.serviceWorker?.ready.then((sw) => sw.showNotification(title, { ...options, data: urls.permalink(room, message.offset) }));
  }
}

// clearNotices takes away what was seen: the open room's, whenever the page is looked at.
export function clearNotices(): void {
  const clear = () => {
    if (document.hasFocus()) shown.get(roomName.value)?.close();
  };
  addEventListener("focus", clear);
  effect(() => {
    void roomName.value;
    clear();
  });
}
