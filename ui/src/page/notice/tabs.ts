// What the tabs of this browser ask each other: whether a room is before somebody's eyes
// in one of them.

import { here } from "../here.js";
import { base } from "../place.js";

type Word = { readonly kind: "asked" | "seen"; readonly room: string };

// No answer within this many milliseconds is a no.
const patience = 150;

const channel = new BroadcastChannel("teahouse" + base);

// answerTabs answers the other tabs from now on.
export function answerTabs(): void {
  channel.addEventListener("message", ({ data }: MessageEvent<Word>) => {
    if (data.kind === "asked" && isSeen(data.room)) tell({ kind: "seen", room: data.room });
  });
}

// seenElsewhere tells whether another tab shows the end of a room to who works in it.
export function seenElsewhere(room: string): Promise<boolean> {
  return new Promise((resolve) => {
    const end = new AbortController();
    const answer = (seen: boolean) => {
      end.abort();
      resolve(seen);
    };
    const hear = ({ data }: MessageEvent<Word>) => data.kind === "seen" && data.room === room && answer(true);
    channel.addEventListener("message", hear, { signal: end.signal });
    setTimeout(answer, patience, false);
    tell({ kind: "asked", room });
  });
}

function isSeen(name: string): boolean {
  const { room } = here.state;
  return room?.room === name && room.visible && room.atEnd && room.attached && document.hasFocus();
}

function tell(word: Word): void {
  channel.postMessage(word);
}
