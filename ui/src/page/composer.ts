// Where one writes: grows with the text, keeps it as a draft, and knows which Enter
// means "send".

import { cleanText, overLimit } from "../client/limits.js";
import { byID, setText } from "./dom.js";
import { count, t } from "./i18n.js";
import { draftOf } from "./store.js";

export class Composer {
  private readonly form = byID("composer", HTMLFormElement);
  private readonly text = byID("text", HTMLTextAreaElement);
  private readonly hint = byID("hint", HTMLElement);
  private readonly draft: ReturnType<typeof draftOf>;
  private composed = false; // a composition ended in this very task

  constructor(room: string, private readonly post: (text: string) => void) {
    this.draft = draftOf(room);
    if (this.text.value === "") this.text.value = this.draft.get();
    this.text.addEventListener("input", () => this.changed());
    this.text.addEventListener("compositionend", () => this.compositionEnded());
    this.text.addEventListener("keydown", (e) => this.key(e));
    this.form.addEventListener("submit", (e) => {
      e.preventDefault();
      this.send();
    });
    // The form says itself what is wrong; the browser's bubble would say it twice.
    this.form.noValidate = true;
    this.hint.hidden = false; // without script Enter breaks the line
    this.changed();
  }

  focus(): void {
    this.text.focus();
  }

  private send(): void {
    const text = cleanText(this.text.value);
    if (text === "" || overLimit(text) > 0) {
      this.focus();
      return;
    }
    this.post(text);
    this.text.value = "";
    this.changed();
    this.focus();
  }

  private changed(): void {
    this.draft.set(this.text.value);
    const over = overLimit(cleanText(this.text.value));
    this.hint.classList.toggle("bad", over > 0);
    setText(this.hint, over > 0 ? count("room.tooLong", over) : t("room.keys"));
    this.grow();
  }

  // grow fits the height to the text; app.css says where it ends.
  private grow(): void {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight + 2}px`; // and its border
  }

  // Safari ends the composition first and sends the Enter that ended it after, as if
  // it were an ordinary one. Both come in one task; a real Enter comes in a later one.
  private compositionEnded(): void {
    this.composed = true;
    setTimeout(() => (this.composed = false));
  }

  private key(e: KeyboardEvent): void {
    if (e.key !== "Enter" || e.shiftKey || e.ctrlKey || e.altKey || e.metaKey) return;
    // 229: the key went to the input method, whatever isComposing says.
    if (e.isComposing || e.keyCode === 229 || this.composed) return;
    e.preventDefault();
    if (!e.repeat) this.send();
  }
}
