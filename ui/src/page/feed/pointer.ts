// Which message one points at, is in, or was led to.

import { signal } from "@preact/signals";
import type { Message } from "../../client/app.js";
import { anchorOf, atDesk, focused, hovered, overlay } from "../view.js";

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
// of the message under it; a finger's tap, or its long press, opens the sheet, and a click
// that no pointer made, as by a screen reader, the menu where there is a desk.
export function watchPointer(list: HTMLElement, find: (key: string) => Message | null): () => void {
  const end = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(type: K, fn: (e: HTMLElementEventMap[K]) => void) =>
    list.addEventListener(type, fn, { signal: end.signal });
  let pointer = "";
  on("pointerdown", (e) => (pointer = e.pointerType));
  on("pointerover", (e) => e.pointerType === "mouse" && (hovered.value = keyAt(e)));
  on("pointerleave", () => (hovered.value = null));
  on("focusin", (e) => {
    held.value = keyAt(e);
    if (held.value) focused.value = held.value;
  });
  on("focusout", () => (held.value = null));
  const open = (e: Event, by: string) => {
    const message = by !== "mouse" && !onControl(e) && getSelection()?.isCollapsed !== false ? find(keyAt(e) ?? "") : null;
    if (!message) return;
    e.preventDefault();
    const row = by === "" && atDesk() ? rowAt(e) : null;
    overlay.value = row ? { kind: "menu", message, anchor: anchorOf(row) } : { kind: "sheet", message, anchor: null };
  };
  // Older browsers don't tell what made a click: there the last pointer has to say it.
  on("click", (e) => open(e, e instanceof PointerEvent ? e.pointerType : pointer));
  on("contextmenu", (e) => pointer === "touch" && open(e, pointer));
  return () => end.abort();
}

function rowAt(e: Event): HTMLElement | null {
  return e.target instanceof Element ? e.target.closest<HTMLElement>("li.message") : null;
}

function keyAt(e: Event): string | null {
  return rowAt(e)?.dataset.key ?? null;
}

function onControl(e: Event): boolean {
  return e.target instanceof Element && e.target.closest("a, button, pre") !== null;
}
