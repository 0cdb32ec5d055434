// Who is behind an id, as far as the page has heard: reactions name their authors by id
// alone. It only ever feeds titles and labels, so nothing is drawn again when it grows.

import type { Author } from "../client/app.js";
import { me } from "./here.js";
import { t } from "./i18n.js";

const most = 2000;
const names = new Map<string, string>();

export function remember(author: Author): void {
  if (names.get(author.id) === author.name) return;
  if (names.size >= most) names.clear();
  names.set(author.id, author.name);
}

export function nameOf(id: string): string {
  if (id === me.value?.id) return t("people.you");
  // A program's id is its name.
  return names.get(id) ?? (id.startsWith("n-") ? id.slice(2) : t("message.someone"));
}
