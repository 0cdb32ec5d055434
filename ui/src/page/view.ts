// What only this page knows: which drawer is open, what is being answered, where the
// focus is. Nothing of it is the client's business.

import { signal } from "@preact/signals";
import type { Message } from "../client/app.js";
import { kept } from "./store.js";

// wide: three columns fit side by side; app.css has the same number.
const wideQuery = matchMedia("(min-width: 60rem)");
export const wide = signal(wideQuery.matches);
wideQuery.addEventListener("change", () => {
  wide.value = wideQuery.matches;
  drawer.value = null;
});

// On a narrow page one column at most lies over the others.
export const drawer = signal<"rooms" | "panel" | null>(null);
// On a wide one the right column may be closed, and stays so.
export const panelOpen = signal(kept.panel.get() !== "closed");

export function togglePanel(): void {
  if (!wide.value) {
    drawer.value = drawer.value === "panel" ? null : "panel";
    return;
  }
  panelOpen.value = !panelOpen.value;
  kept.panel.set(panelOpen.value ? "" : "closed");
}

// What the composer does with its text.
export type Mode =
  | { readonly kind: "new" }
  | { readonly kind: "reply"; readonly to: Message }
  | { readonly kind: "edit"; readonly message: Message };

export const mode = signal<Mode>({ kind: "new" });

// Where an overlay stands: by its button, or as a sheet from below on a phone.
export interface Anchor {
  readonly top: number;
  readonly bottom: number;
  readonly right: number;
}

export type Overlay =
  | { readonly kind: "menu" | "sheet" | "confirm"; readonly message: Message; readonly anchor: Anchor | null }
  | { readonly kind: "picker"; readonly anchor: Anchor | null; readonly label: string; readonly message: Message | null; readonly pick: (emoji: string) => void }
  | { readonly kind: "date"; readonly anchor: Anchor | null; readonly time: number }
  | { readonly kind: "help" };

export const overlay = signal<Overlay | null>(null);

export function anchorOf(e: Element): Anchor {
  const { top, bottom, right } = e.getBoundingClientRect();
  return { top, bottom, right };
}

// A word in passing, at the foot of the feed and to a screen reader.
export const toast = signal<{ readonly text: string; readonly bad: boolean } | null>(null);
let toastEnds: ReturnType<typeof setTimeout> | undefined;

export function say(text: string, bad = false): void {
  clearTimeout(toastEnds);
  toast.value = { text, bad };
  toastEnds = setTimeout(() => (toast.value = null), bad ? 6000 : 2500);
}

// The rows that are told apart from the others, by key.
export const hovered = signal<string | null>(null);
export const focused = signal<string | null>(null);

export function toComposer(): void {
  document.getElementById("text")?.focus();
}

// atDesk tells whether to put the focus where one writes: a phone would open its
// keyboard over the messages.
export function atDesk(): boolean {
  return matchMedia("(pointer: fine)").matches;
}
