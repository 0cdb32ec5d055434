// The lobby's form works without script; this says at once what the server would, and
// leads on where there is no network.

import { canonicalRoom, isRoomName, URLs } from "../client/app.js";
import { recall } from "../client/memory.js";
import { t } from "./i18n.js";
import { storage } from "./storage.js";

export function lobby(): void {
  const base = document.body.dataset.base ?? "";
  const urls = new URLs(location.origin, base);
  const input = document.querySelector<HTMLInputElement>("#room");
  const rule = document.querySelector<HTMLElement>("#rule");
  if (!input || !rule) return;
  const text = rule.textContent ?? "";
  input.addEventListener("input", () => {
    const name = input.value.trim();
    const bad = name !== "" && !isRoomName(name);
    rule.classList.toggle("bad", bad);
    input.setAttribute("aria-invalid", String(bad));
    const words = bad ? `${rule.dataset.bad} ${text}` : text;
    if (rule.textContent !== words) rule.textContent = words;
  });
  input.form?.addEventListener("submit", (e) => {
    const name = input.value.trim();
    if (!isRoomName(name)) return; // the server offers a better one
    e.preventDefault();
    location.assign(urls.page(canonicalRoom(name)));
  });
  if (!navigator.onLine) void showMine(base, urls);
}

// showMine lists the rooms that this device knows in place of those that were lively once.
async function showMine(base: string, urls: URLs): Promise<void> {
  const { rooms } = await recall(storage(base));
  const list = document.querySelector(".rooms");
  const title = document.querySelector("#recent");
  if (rooms.length === 0 || !list || !title) return;
  title.textContent = t("lobby.offline");
  list.replaceChildren(
    ...rooms.map(({ room }) => {
      const link = document.createElement("a");
      link.href = urls.page(room);
      link.dir = "auto";
      link.textContent = room;
      const item = document.createElement("li");
      item.append(link);
      return item;
    }),
  );
}
