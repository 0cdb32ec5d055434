import { useEffect, useRef, useState } from "preact/hooks";
import type { RoomState } from "../../client/app.js";

// useNews tells whether what a drawing adds to the log is to be read out. Where it isn't,
// that is so until the task after the drawing.
export function useNews(state: RoomState | null): boolean {
  const shown = useRef<RoomState | null>(null);
  const [, drawAgain] = useState(0);
  const news = isNews(shown.current, state);
  useEffect(() => {
    if (news) {
      shown.current = state;
      return;
    }
    const timer = setTimeout(() => {
      shown.current = state;
      drawAgain((n) => n + 1);
    });
    return () => clearTimeout(timer);
  }, [state, news]);
  return news;
}

// Only what comes at the end of a window that had reached it is new: a page of older
// messages moves the window's first, one of newer ones begins in a window that ends
// before, and a loaded one takes the place of a stale or kept one.
function isNews(was: RoomState | null, now: RoomState | null): boolean {
  if (!was?.loaded || !now || was.room !== now.room) return false;
  return was.attached && now.attached && was.stale === now.stale && was.kept === now.kept && now.window.first >= was.window.first;
}
