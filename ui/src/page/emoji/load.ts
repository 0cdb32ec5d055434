// The emoji with their words, fetched once when they are first wanted.

import { lang } from "../i18n.js";
import { asset } from "../place.js";
import type { Group } from "./data.js";

export interface Emoji {
  readonly emoji: string;
  readonly words: string; // in the page's language
  readonly search?: string; // in both
}

export interface Emojis {
  readonly groups: Readonly<Record<Group, readonly Emoji[]>>;
  readonly byEmoji: ReadonlyMap<string, Emoji>;
}

const mostFound = 80;

let loaded: Promise<Emojis> | null = null;

export function load(): Promise<Emojis> {
  loaded ??= fetchAll().catch((err: unknown) => {
    loaded = null; // the next opening tries again
    throw err;
  });
  return loaded;
}

async function fetchAll(): Promise<Emojis> {
  const { lines } = (await import(asset("emoji.js"))) as typeof import("./data.js");
  const all = Object.entries(lines).map(([group, list]) => [group, list.map(parse)] as const);
  const byEmoji = new Map(all.flatMap(([, emoji]) => emoji.map((e) => [e.emoji, e] as const)));
  return { groups: Object.fromEntries(all) as Record<Group, Emoji[]>, byEmoji };
}

function parse(line: string): Emoji {
  const [emoji = "", en = "", zh = ""] = line.split("|");
  return { emoji, words: lang === "en" ? en : zh, search: `${en} ${zh}`.toLowerCase() };
}

// found has every emoji with all the words in its own, whole beginnings first.
export function found(all: Emojis, query: string): readonly Emoji[] {
  const words = query.trim().toLowerCase().split(/\s+/);
  const hits = [...all.byEmoji.values()].filter((e) => words.every((w) => e.search?.includes(w)));
  const begins = (e: Emoji) => Number(` ${e.search}`.includes(" " + words[0]));
  return hits.sort((a, b) => begins(b) - begins(a)).slice(0, mostFound);
}
