// The keyboard among the messages: one of them is where Tab enters, the arrows move it.

import type { Message } from "../../client/app.js";
import { here } from "../here.js";
import { anchorOf, focused, overlay, toComposer } from "../view.js";
import { askDelete, copyLink, edit, pickReaction, reply } from "./actions.js";

type Act = (m: Message, row: HTMLElement) => void;

const acts: Readonly<Record<string, Act>> = {
  r: reply,
  e: edit,
  c: copyLink,
  Delete: askDelete,
  Backspace: askDelete,
  "+": (m, row) => pickReaction(m, anchorOf(row)),
  "=": (m, row) => pickReaction(m, anchorOf(row)), // the same key without Shift
  Enter: (message, row) => (overlay.value = { kind: "menu", message, anchor: anchorOf(row) }),
};

// onFeedKey takes keys that go to a message itself, not to a button in it. find gives the
// message of a row; none for a post that is under way, or a deleted one.
export function onFeedKey(e: KeyboardEvent, list: HTMLElement, find: (key: string) => Message | null): void {
  const article = e.target as HTMLElement;
  const row = article.parentElement;
  if (e.key === "Escape") {
    e.preventDefault();
    toComposer();
    return;
  }
  if (article.localName !== "article" || !row || e.ctrlKey || e.metaKey || e.altKey) return;
  if (move(e.key, row, list)) {
    e.preventDefault();
    return;
  }
  const act = acts[e.key];
  const message = act && find(row.dataset.key ?? "");
  if (!act || !message) return;
  e.preventDefault();
  act(message, article);
}

function move(key: string, row: HTMLElement, list: HTMLElement): boolean {
  if (!["ArrowUp", "ArrowDown", "Home", "End"].includes(key)) return false;
  const rows = [...list.querySelectorAll<HTMLElement>("li.message")];
  const at = rows.indexOf(row);
  const to = key === "Home" ? 0 : key === "End" ? rows.length - 1 : at + (key === "ArrowUp" ? -1 : 1);
  if (to < 0) here.older();
  if (to >= rows.length) here.newer();
  focusRow(rows[Math.min(Math.max(to, 0), rows.length - 1)]);
  return true;
}

export function focusRow(row: HTMLElement | undefined | null): void {
  if (!row) return;
  focused.value = row.dataset.key ?? null;
  row.querySelector("article")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}
