// The five emoji nearest at hand: those that one uses most, else the house's.

import { signal } from "@preact/signals";
import { kept } from "../store.js";

const ours = ["👍", "❤️", "😂", "🎉", "🍵"];
const mostKept = 60;

type Uses = Readonly<Record<string, number>>;

const uses = signal<Uses>(read());

function read(): Uses {
  try {
    const found: unknown = JSON.parse(kept.emoji.get() ?? "{}");
    const good = Object.entries(found as object).filter(([e, n]) => e.length <= 40 && typeof n === "number");
    return Object.fromEntries(good) as Uses;
  } catch {
    return {};
  }
}

// used counts a use. All counts fade, so that a new habit shows before long.
export function used(emoji: string): void {
  const faded = Object.entries(uses.value).map(([e, n]) => [e, n * 0.97] as const);
  const counted = Object.entries({ ...Object.fromEntries(faded), [emoji]: (uses.value[emoji] ?? 0) + 1 });
  uses.value = Object.fromEntries(counted.sort((a, b) => b[1] - a[1]).slice(0, mostKept));
  kept.emoji.set(JSON.stringify(uses.value));
}

// quick keeps to the house's order and puts a favourite in place of what isn't used: a
// row that moves about under the hand is worse than none.
export function quick(): readonly string[] {
  const favourites = frequent(ours.length);
  const fresh = favourites.filter((e) => !ours.includes(e));
  return ours.map((e) => (favourites.includes(e) ? e : (fresh.shift() ?? e)));
}

export function frequent(n: number): readonly string[] {
  return Object.keys(uses.value).slice(0, n);
}
