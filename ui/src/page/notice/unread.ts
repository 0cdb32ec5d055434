// How much is unread, where one sees it without the page: in the title, on the icon.

import { computed, effect } from "@preact/signals";
import type { RoomEntry } from "../../client/app.js";
import { rooms, roomName } from "../here.js";
import { t } from "../i18n.js";
import { asset } from "../place.js";
import { clearNotices } from "./notices.js";
import { answerTabs } from "./tabs.js";

const size = 64;

export function showUnread(): void {
  clearNotices();
  answerTabs();
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const plain = icon?.href ?? "";
  const unread = computed(() => rooms.value.reduce((sum, r) => sum + wanted(r), 0));
  let badged = false;
  effect(() => {
    const n = unread.value;
    const mark = n > 99 ? "99+" : String(n);
    document.title = `${n > 0 ? `(${mark}) ` : ""}${roomName.value} · ${t("app.name")}`;
    if (icon && n > 0 !== badged) {
      badged = n > 0;
      if (badged) void badge().then((url) => badged && url && (icon.href = url));
      else icon.href = plain;
    }
    void (n > 0 ? navigator.setAppBadge?.(n) : navigator.clearAppBadge?.())?.catch(() => {});
  });
}

// wanted is how much of a room's unread messages one wants to be told of.
function wanted(r: RoomEntry): number {
  if (r.level === "all") return r.unread;
  return r.level === "mentions" && r.mentioned ? 1 : 0;
}

// badge is the icon with a drop of ink on it.
async function badge(): Promise<string | null> {
  const image = new Image(size, size);
  image.src = asset("icon.svg");
  await image.decode().catch(() => {});
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const ink = canvas.getContext("2d");
  if (!ink || !image.complete) return null;
  ink.drawImage(image, 0, 0, size, size);
  ink.beginPath();
  ink.arc(size - 15, 15, 14, 0, 2 * Math.PI);
  ink.fillStyle = "#f7c948";
  ink.fill();
  ink.lineWidth = 3;
  ink.strokeStyle = "#fffcf5";
  ink.stroke();
  return canvas.toDataURL("image/png");
}
