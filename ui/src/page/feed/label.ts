// The sentence that a screen reader says for a message: who, when, what, and what others
// made of it; for a post under way, how it stands.

import type { Author, Message, Pending } from "../../client/app.js";
import { lang, listed, t } from "../i18n.js";
import { clock } from "../when.js";
import { statusWords } from "./PendingNote.js";
import { plain } from "./plain.js";
import { isMessage } from "./rows.js";

export function labelOf(item: Message | Pending, author: Author, quoted: Message | null | undefined): string {
  const text = !isMessage(item) ? item.text : item.deleted ? t("message.deleted") : plain(item);
  const reply = quoted ? t("say.reply", { name: quoted.author.name }) : "";
  const said = t("say.message", { name: author.name, time: clock(item.time) + reply, text });
  if (!isMessage(item)) return `${said} (${statusWords(item.status)})`;
  const reactions = item.reactions.map((r) => `${r.emoji} ${r.authors.length.toLocaleString(lang)}`);
  return said + (item.edited !== null ? t("say.edited") : "") + (reactions.length > 0 ? t("say.reactions", { list: listed(reactions) }) : "");
}
