import { effect } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { RoomState } from "../../client/app.js";
import { here } from "../here.js";
import { focusRow } from "./keys.js";
import { mark } from "./pointer.js";
import type { FeedRow } from "./rows.js";
import { Keeper } from "./scroll.js";
import { endWanted, far, passed, unreadAbove } from "./where.js";

// So near to an end of what is loaded, in pixels, more of it is asked for.
const nearEdge = 800;

// useKeeper keeps the feed's place through every drawing, and tells the client what the
// reader sees: whether its end, whether there should be more.
export function useKeeper(log: RefObject<HTMLElement | null>, list: RefObject<HTMLElement | null>, state: RoomState | null, rows: readonly FeedRow[]) {
  const keeper = useRef<Keeper | null>(null);
  const shown = useRef({ state, room: "", target: 0 });
  shown.current.state = state;

  // look is for after whatever may have changed what is in sight.
  const look = useRef(() => {
    const [k, s] = [keeper.current, shown.current.state];
    if (!k || !s || !list.current) return;
    far.value = k.below() > k.log.clientHeight;
    lookForUnread(k.log, list.current, s);
    here.seen(document.visibilityState === "visible", k.atEnd && s.attached);
    if (s.hasOlder && !s.loadingOlder && k.above() < nearEdge) here.older();
    if (!s.attached && !s.loadingNewer && k.below() < nearEdge) here.newer();
  });

  // Before the effect that uses it: they run in their order.
  useLayoutEffect(() => {
    if (log.current && list.current) keeper.current = new Keeper(log.current, list.current);
  }, []);

  useEffect(() => {
    const k = keeper.current;
    if (!k || !list.current) return;
    const scrolled = () => (k.note(), look.current());
    // The keyboard of a phone, a growing input, a turned screen, letters that come late.
    const sizes = new ResizeObserver(() => (k.resized(), look.current()));
    sizes.observe(k.log);
    sizes.observe(list.current);
    k.log.addEventListener("scroll", scrolled, { passive: true });
    const turned = () => look.current();
    document.addEventListener("visibilitychange", turned);
    const following = followWishes(k, () => shown.current.state);
    return () => {
      following();
      sizes.disconnect();
      k.log.removeEventListener("scroll", scrolled);
      document.removeEventListener("visibilitychange", turned);
    };
  }, []);

  useLayoutEffect(() => {
    const k = keeper.current;
    if (!k || !list.current || !state) return;
    if (shown.current.room !== state.room) {
      shown.current = { state, room: state.room, target: 0 };
      k.entered();
    }
    k.drawn(state.attached);
    goToTarget(k, list.current, state, shown.current);
  }, [state, rows]);

  // What the reader sees is told after the drawing: it may change the state again.
  useEffect(() => look.current(), [state]);
}

// followWishes goes to the end whenever that is wanted.
function followWishes(keeper: Keeper, state: () => RoomState | null): () => void {
  const before = endWanted.peek();
  return effect(() => {
    if (endWanted.value === before) return;
    keeper.toEnd();
    if (state()?.attached === false) here.toNewest();
  });
}

// goToTarget leads to a message that was asked for, as soon as it is there. Offsets of
// other events lead to the message after them.
function goToTarget(keeper: Keeper, list: HTMLElement, state: RoomState, shown: { target: number }): void {
  const { target } = state;
  if (!target || target.n === shown.target) return;
  const messages = state.feed.filter((i) => i.kind === "message");
  const first = messages[0];
  const found = messages.find((m) => m.offset >= target.offset) ?? (state.attached ? messages.at(-1) : undefined);
  if (!first || !found || (first.offset > target.offset && state.hasOlder)) return;
  const row = list.querySelector<HTMLElement>(`li[data-offset="${found.offset}"]`);
  if (!row) return;
  shown.target = target.n;
  keeper.show(row);
  mark(found.offset);
  if (list.contains(document.activeElement) || document.activeElement === document.body) focusRow(row);
}

function lookForUnread(log: HTMLElement, list: HTMLElement, state: RoomState): void {
  if (state.unreadFrom === null) {
    unreadAbove.value = false;
    return;
  }
  const line = list.querySelector(".unread-line");
  const above = line ? line.getBoundingClientRect().bottom < log.getBoundingClientRect().top : true;
  unreadAbove.value = above;
  if (!above) passed.value = state.unreadFrom;
}
