// One line of the feed as elements: a message, a line about the connection, a post of
// ours that is under way. Names and texts are isolated, whatever way they are written.

import type { Author } from "../client/protocol.js";
import type { Line, Message, Pending, PendingStatus } from "../client/state.js";
import { hueOf, sealOf } from "./colour.js";
import { make } from "./dom.js";
import { has, t } from "./i18n.js";
import { inFull, when } from "./when.js";

export interface PendingVerbs {
  retry(id: string): void;
  discard(id: string): void;
}

export function drawItem(li: HTMLLIElement, item: Message | Line, mine: boolean): void {
  if (item.kind === "line") {
    li.className = "line " + item.what;
    li.textContent = t(`line.${item.what}`);
    li.title = inFull(item.time);
    return;
  }
  li.className = "message" + (mine ? " mine" : "");
  li.dataset.offset = String(item.offset);
  li.dataset.id = item.id;
  delete li.dataset.status;
  const text = item.deleted ? make("div", "text deleted", t("message.deleted")) : body(item.text);
  li.replaceChildren(...heading(item.author, item.time), text);
  li.style.setProperty("--hue", String(hueOf(item.author.id)));
}

export function drawPending(li: HTMLLIElement, p: Pending, me: Author | null, verbs: PendingVerbs): void {
  const status = p.status.kind;
  li.className = `message mine pending ${status}`;
  li.dataset.id = p.id;
  li.dataset.status = status;
  const author = me ?? { id: "", name: "" };
  li.replaceChildren(...heading(author, p.time), body(p.text), note(p, verbs));
  li.style.setProperty("--hue", String(hueOf(author.id)));
}

function heading(author: Author, time: number): HTMLElement[] {
  const seal = make("span", "seal", sealOf(author.name));
  seal.ariaHidden = "true";
  const name = make("bdi", "author", author.name);
  return [seal, name, clock(time)];
}

function body(text: string): HTMLElement {
  const el = make("div", "text", text);
  el.dir = "auto";
  return el;
}

function clock(time: number): HTMLElement {
  const el = make("time", "", when(time, Date.now()));
  el.dateTime = new Date(time).toISOString();
  el.title = inFull(time);
  return el;
}

function note(p: Pending, verbs: PendingVerbs): HTMLElement {
  const el = make("div", "note", words(p.status));
  if (p.status.kind !== "failed") return el;
  el.append(" ", button(t("message.retry"), () => verbs.retry(p.id)), " ", button(t("message.discard"), () => verbs.discard(p.id)));
  return el;
}

function words(status: PendingStatus): string {
  switch (status.kind) {
    case "waiting":
      return t("message.waiting");
    case "sending":
    case "accepted":
      return t("message.sending");
    case "slowed":
      return t("message.slowed");
    case "failed": {
      const why = "problem." + status.code;
      return has(why) ? t("message.failed") + t("message.because") + t(why) : t("message.failed");
    }
  }
}

function button(text: string, click: () => void): HTMLButtonElement {
  const el = make("button", "link", text);
  el.type = "button";
  el.addEventListener("click", click);
  return el;
}
