// What one can do to a message, wherever it is asked for: by the toolbar, the menu, the
// sheet of a phone, or a key.

import type { Message } from "../../client/app.js";
import { here, me, roomName } from "../here.js";
import { t } from "../i18n.js";
import { copy } from "../parts/clipboard.js";
import { urls } from "../place.js";
import { mode, overlay, toComposer, type Anchor } from "../view.js";
import { used } from "./quick.js";

export function isMine(m: Message): boolean {
  return m.author.id === me.value?.id;
}

export function react(m: Message, emoji: string, on: boolean): void {
  if (on) used(emoji);
  here.react(m.offset, emoji, on);
}

// toggleReaction is what the quick row does: a second press takes it back.
export function toggleReaction(m: Message, emoji: string): void {
  const mine = me.value?.id ?? "";
  const on = m.reactions.some((r) => r.emoji === emoji && r.authors.includes(mine));
  react(m, emoji, !on);
}

export function pickReaction(m: Message, anchor: Anchor | null): void {
  overlay.value = { kind: "picker", anchor, label: t("act.react"), message: m, pick: (emoji) => toggleReaction(m, emoji) };
}

export function reply(m: Message): void {
  mode.value = { kind: "reply", to: m };
  compose();
}

export function edit(m: Message): void {
  if (!isMine(m)) return;
  mode.value = { kind: "edit", message: m };
  compose();
}

export function askDelete(m: Message): void {
  if (isMine(m)) overlay.value = { kind: "confirm", message: m, anchor: null };
}

export function copyText(m: Message): void {
  void copy(m.text);
}

export function copyLink(m: Message): void {
  void copy(urls.permalink(roomName.value, m.offset));
}

// compose puts the focus where one writes once an overlay that is still open has closed,
// and given it back to where it was.
function compose(): void {
  overlay.value = null;
  setTimeout(toComposer);
}
