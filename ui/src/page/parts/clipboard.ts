import { t } from "../i18n.js";
import { say } from "../view.js";

// copy puts a text on the clipboard and says so. Plain http:// pages on a LAN lack the
// clipboard of today, and some browsers refuse it; the old way works there.
export async function copy(text: string): Promise<void> {
  const modern = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  const done = modern || copyBySelection(text);
  say(t(done ? "message.copied" : "message.copyFailed"), !done);
}

function copyBySelection(text: string): boolean {
  const back = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (back instanceof HTMLElement) back.focus();
  return done;
}
