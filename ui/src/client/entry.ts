// What the outbox holds, and how it stands in storage.

import { isObject } from "./json.js";
import type { Wish } from "./message.js";
import type { PendingStatus } from "./state.js";

export type Content = { readonly kind: "post"; readonly text: string; readonly reply: number | null } | Wish;

export type Entry = Content & {
  readonly id: string;
  readonly room: string;
  readonly time: number; // when it was written; no two of a page's are the same
  readonly status: PendingStatus;
};

// isEntry checks what comes from storage, where another version may have put it.
export function isEntry(v: unknown): v is Entry {
  if (!isObject(v) || typeof v.id !== "string" || typeof v.room !== "string" || !Number.isFinite(v.time) || !isObject(v.status)) return false;
  switch (v.kind) {
    case "post":
      return typeof v.text === "string" && (v.reply === null || Number.isSafeInteger(v.reply));
    case "edit":
      return Number.isSafeInteger(v.target) && typeof v.text === "string";
    case "delete":
      return Number.isSafeInteger(v.target);
    case "react":
      return Number.isSafeInteger(v.target) && typeof v.emoji === "string" && typeof v.on === "boolean";
    default:
      return false;
  }
}

// settled is the status that an entry has on another page: a refusal stands, of the rest
// nothing is known.
export function settled(s: PendingStatus): PendingStatus {
  return s.kind === "failed" && typeof s.code === "string" ? s : { kind: "waiting" };
}
