// Where in the feed one is, for the buttons that lead elsewhere.

import { signal } from "@preact/signals";

export const far = signal(false); // from the end, by more than a screen
export const unreadAbove = signal(false); // the line of what is new is out of sight above
// The unread line that was seen, or waved away: it needs no button any more.
export const passed = signal<number | null>(null);

// How often the newest was asked for: the feed goes there.
export const endWanted = signal(0);

export function toEnd(): void {
  endWanted.value++;
}
