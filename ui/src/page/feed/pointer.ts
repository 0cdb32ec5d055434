// Which message one points at, is in, or was led to.

import { signal } from "@preact/signals";
import type { Message } from "../../client/app.js";
import { focused, hovered, overlay } from "../view.js";

// held is the row that has the focus, itself or by a button in it.
export const held = signal<string | null>(null);
// marked is the offset of the message that one was led to, for a moment.
export const marked = signal<number | null>(null);

const markTime = 2500;
let markEnds: ReturnType<typeof setTimeout> | undefined;

export function mark(offset: number): void {
  clearTimeout(markEnds);
  marked.value = offset;
  markEnds = setTimeout(() => (marked.value = null), markTime);
}

// watchPointer listens on the whole list, since rows come and go. A mouse shows the tools
// of the message under it; a finger's tap, or its long press, opens the sheet.
export function watchPointer(list: HTMLElement, find: (key: string) => Message | null): () => void {
  const end = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(type: K, fn: (e: HTMLElementEventMap[K]) => void) =>
    list.addEventListener(type, fn, { signal: end.signal });
  let touch = false;
  on("pointerdown", (e) => (touch = e.pointerType === "touch"));
  on("pointerover", (e) => e.pointerType === "mouse" && (hovered.value = keyAt(e)));
  on("pointerleave", () => (hovered.value = null));
  on("focusin", (e) => {
    held.value = keyAt(e);
    if (held.value) focused.value = held.value;
  });
  on("focusout", () => (held.value = null));
  const openSheet = (e: Event) => {
    const message = touch && !onControl(e) && getSelection()?.isCollapsed !== false ? find(keyAt(e) ?? "") : null;
    if (!message) return;
    e.preventDefault();
    overlay.value = { kind: "sheet", message, anchor: null };
  };
  on("click", openSheet);
  on("contextmenu", openSheet);
  return () => end.abort();
}

function keyAt(e: Event): string | null {
  const row = e.target instanceof Element ? e.target.closest<HTMLElement>("li.message") : null;
  return row?.dataset.key ?? null;
}

function onControl(e: Event): boolean {
  return e.target instanceof Element && e.target.closest("a, button, pre") !== null;
}
