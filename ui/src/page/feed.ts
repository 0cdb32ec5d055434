// The list of messages: makes the document's list equal to the state's, touching only
// what differs, and keeps what is being read where it is.

import type { Line, Message, Pending, RoomState } from "../client/state.js";
import { byID } from "./dom.js";
import { drawItem, drawPending, type PendingVerbs } from "./item.js";
import { count } from "./i18n.js";

// So near to the end counts as being there.
const nearEnd = 100;
// Messages of one author within this time stand under one name.
const runTime = 5 * 60_000;

type Item = Message | Line | Pending;

interface Drawn {
  readonly item: Item;
  readonly mine: boolean;
  readonly run: boolean;
  readonly el: HTMLLIElement;
}

export class Feed {
  private readonly log = byID("log", HTMLElement);
  private readonly list = byID("messages", HTMLOListElement);
  private readonly pill = byID("newer", HTMLButtonElement);
  private drawn = new Map<string, Drawn>();
  private atEnd = true;
  private unseen = 0;
  private seen = 0; // the last offset drawn

  constructor(private readonly verbs: PendingVerbs) {
    this.log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.pill.addEventListener("click", () => this.toEnd());
    // The keyboard of a phone, a growing input, a turned screen: the end stays in sight.
    new ResizeObserver(() => this.atEnd && this.jump()).observe(this.log);
  }

  render(state: RoomState): void {
    const anchor = this.atEnd ? null : this.anchor();
    const fresh = this.countFresh(state);
    this.patch(state);
    if (this.atEnd) this.jump();
    else if (anchor) this.log.scrollTop += anchor.el.getBoundingClientRect().top - anchor.top;
    if (!this.atEnd) this.unseen += fresh;
    this.showPill();
    if (state.cursor) this.log.removeAttribute("aria-busy");
  }

  toEnd(): void {
    this.atEnd = true;
    this.jump();
    this.showPill();
  }

  private patch(state: RoomState): void {
    const next = new Map<string, Drawn>();
    let before: Item | undefined;
    for (const item of items(state)) {
      const key = keyOf(item);
      next.set(key, this.draw(item, before, state, this.drawn.get(key) ?? this.postOf(item, state)));
      before = item;
    }
    const kept = new Set<Element>();
    for (const { el } of next.values()) kept.add(el);
    // First what goes, so that what stays is found in its place and isn't moved.
    for (const { el } of this.drawn.values()) if (!kept.has(el)) el.remove();
    let place = this.list.firstElementChild;
    for (const el of kept) {
      if (place === el) place = place.nextElementSibling;
      else this.list.insertBefore(el, place);
    }
    this.drawn = next;
  }

  private draw(item: Item, before: Item | undefined, state: RoomState, old: Drawn | undefined): Drawn {
    const mine = !isMessage(item) || item.author.id === state.me?.id;
    const run = sameRun(before, item, state);
    if (old && old.item === item && old.mine === mine && old.run === run) return old;
    const el = old?.el ?? document.createElement("li");
    if (isPending(item)) drawPending(el, item, state.me, this.verbs);
    else drawItem(el, item, mine);
    el.classList.toggle("run", run);
    return { item, mine, run, el };
  }

  // postOf finds the post that an event of ours confirms: its element becomes the
  // message's, so that nothing flickers or is read out as new.
  private postOf(item: Item, state: RoomState): Drawn | undefined {
    return isMessage(item) && item.author.id === state.me?.id ? this.drawn.get("p" + item.id) : undefined;
  }

  // countFresh counts what others said since the last drawing.
  private countFresh(state: RoomState): number {
    const { seen } = this;
    this.seen = state.cursor?.after ?? 0;
    if (seen === 0) return 0;
    return state.feed.filter((i) => i.kind === "message" && i.offset > seen && i.author.id !== state.me?.id).length;
  }

  // anchor is the first line in sight: wherever it was, there it should stay.
  private anchor(): { el: Element; top: number } | null {
    const edge = this.log.getBoundingClientRect().top;
    for (const el of this.list.children) {
      const box = el.getBoundingClientRect();
      if (box.bottom > edge) return { el, top: box.top };
    }
    return null;
  }

  private scrolled(): void {
    this.atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight <= nearEnd;
    this.showPill();
  }

  private jump(): void {
    this.log.scrollTop = this.log.scrollHeight;
  }

  private showPill(): void {
    if (this.atEnd) this.unseen = 0;
    this.pill.hidden = this.unseen === 0;
    if (this.unseen > 0) this.pill.textContent = count("room.newMessages", this.unseen);
  }
}

function* items(state: RoomState): Generator<Item> {
  yield* state.feed;
  yield* state.pending;
}

function keyOf(item: Item): string {
  return isPending(item) ? "p" + item.id : item.key;
}

function isMessage(item: Item): item is Message {
  return "kind" in item && item.kind === "message";
}

function isPending(item: Item): item is Pending {
  return !("kind" in item);
}

function sameRun(before: Item | undefined, item: Item, state: RoomState): boolean {
  const a = before && authorOf(before, state);
  const b = authorOf(item, state);
  return !!before && !!a && a.id === b?.id && a.name === b.name && item.time - before.time < runTime;
}

function authorOf(item: Item, state: RoomState) {
  if (isMessage(item)) return item.author;
  return isPending(item) ? state.me : null;
}
