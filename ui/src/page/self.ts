// Oneself, as others see it: the name and the colour, kept for all rooms and visits.

import { effect, signal } from "@preact/signals";
import { cleanName } from "../client/app.js";
import { here } from "./here.js";
import { t } from "./i18n.js";
import { kept } from "./store.js";

export const nickname = signal(nameGiven());
export const hue = signal(parseHue(kept.hue.get()));
// One has one name in all tabs.
kept.nickname.changed((name) => (nickname.value = cleanName(name ?? "")));

// nameGiven is the name that is kept, else the one that the address brought, which is kept
// then: an address that is passed on should name nobody.
function nameGiven(): string {
  const was = kept.nickname.get();
  const given = cleanName(document.body.dataset.name ?? "");
  if (was === null && given !== "") kept.nickname.set(given);
  const url = new URL(location.href);
  if (url.searchParams.has("name")) {
    url.searchParams.delete("name");
    history.replaceState(history.state, "", url);
  }
  return cleanName(was ?? given);
}

function parseHue(text: string | null): number | null {
  const n = Number(text || NaN);
  return Number.isInteger(n) && n >= 0 && n < 360 ? n : null;
}

// called is the name that others see: for who gives none, what stands in the empty field.
export function called(): string {
  return nickname.value || t("room.namePlaceholder");
}

export function rename(name: string): void {
  nickname.value = cleanName(name);
  kept.nickname.set(nickname.value);
}

export function recolour(to: number | null): void {
  hue.value = to;
  kept.hue.set(to === null ? "" : String(to));
}

// tellChanges tells the server of every change from now on.
export function tellChanges(): void {
  let first = true;
  effect(() => {
    const [name, colour] = [called(), hue.value];
    if (!first) here.me(name, colour);
    first = false;
  });
}
