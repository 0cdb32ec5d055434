// Where the page is: which house, which room, which message. The address is the truth;
// the service worker may have served the same document for any of them.

import { signal } from "@preact/signals";
import { canonicalRoom, URLs } from "../client/app.js";

export const base = document.body.dataset.base ?? "";
export const urls = new URLs(location.origin, base);

// version is the one that the server gave this script's URL; other files of it go by the same.
export const version = new URL(import.meta.url).searchParams.get("v") ?? "";

export function asset(name: string): string {
  return `${base}/static/${name}${version ? "?v=" + version : ""}`;
}

export const address = signal(placed());

export interface Address {
  readonly room: string;
  readonly at: number | undefined; // a message's offset, from the hash
}

function placed(): Address {
  const segment = location.pathname.slice(`${base}/room/`.length).replace(/\/.*$/, "");
  const at = /^#(\d{1,15})$/.exec(location.hash)?.[1];
  return { room: canonicalRoom(decoded(segment)), at: at === undefined ? undefined : Number(at) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

// go changes the address without loading a page.
export function go(room: string, at?: number): void {
  const hash = at === undefined ? "" : `#${at}`;
  history.pushState(null, "", urls.page(room) + hash);
  address.value = placed();
}

addEventListener("popstate", () => (address.value = placed()));
