import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { cleanText, overLimit } from "../../client/app.js";
import { toEnd } from "../feed/where.js";
import { here, me, roomName } from "../here.js";
import { count, t } from "../i18n.js";
import { IconButton } from "../parts/IconButton.js";
import { urls } from "../place.js";
import { anchorOf, mode, overlay, toComposer } from "../view.js";
import { Context } from "./Context.js";
import { isPlainEnter, useComposition } from "./enter.js";
import { Mentions, useMentions } from "./Mentions.js";
import { NameField } from "./NameField.js";
import { Retry } from "./Retry.js";
import { Toggle } from "./Toggle.js";
import { Typing } from "./Typing.js";
import { useText } from "./useText.js";

// Keys that move the caret within a line; the list of names has the other arrows.
const movesCaret = new Set(["ArrowLeft", "ArrowRight", "Home", "End"]);

// Composer is where one writes. The field itself is the browser's: what is typed is on the
// screen before any of this is asked.
export function Composer({ typed }: { typed: string }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const over = useSignal(0);
  const text = useText(field, typed, (value) => {
    over.value = overLimit(cleanText(value));
    grow(field.current);
  });
  const mentions = useMentions(field, text.changed);
  const composed = useComposition(field);
  const send = () => {
    const said = cleanText(field.current?.value ?? "");
    if (said !== "" && overLimit(said) === 0) {
      // An edit gives the draft back by itself.
      if (mode.value.kind !== "edit") text.sent();
      dispatch(said);
    }
    toComposer();
  };
  return (
    <footer class="foot">
      <Typing />
      <Retry />
      <form
        id="composer"
        class="composer"
        method="post"
        action={urls.page(roomName.value)}
        noValidate
        aria-label={t("room.compose")}
        onSubmit={(e) => (e.preventDefault(), send())}
      >
        <Context />
        <Mentions mentions={mentions} />
        <div class="write">
          <div class="field">
            <textarea
              ref={field}
              id="text"
              name="text"
              rows={1}
              dir="auto"
              placeholder={t("room.placeholder")}
              aria-label={t("room.text")}
              aria-describedby="hint"
              aria-autocomplete="list"
              aria-controls={mentions.open ? "mention-list" : undefined}
              aria-activedescendant={mentions.open ? mentions.optionID : undefined}
              enterkeyhint="send"
              autocomplete="off"
              onInput={() => {
                text.changed();
                mentions.look();
                if (mode.value.kind !== "edit" && field.current?.value) here.typing();
              }}
              onKeyDown={(e) => {
                if (e.isComposing || e.keyCode === 229) return;
                if (mentions.key(e)) return;
                if (isPlainEnter(e) && !composed()) {
                  e.preventDefault();
                  if (!e.repeat) send();
                } else if (e.key === "ArrowUp" && e.currentTarget.value === "") editLast(e);
                else if (e.key === "Escape" && mode.value.kind !== "new") mode.value = { kind: "new" };
              }}
              onKeyUp={(e) => movesCaret.has(e.key) && mentions.look()}
              onClick={mentions.look}
              onBlur={mentions.close}
            />
            <IconButton icon="smile" id="emoji" label={t("composer.emoji")} onClick={(e) => pickEmoji(e.currentTarget, text.insert)} />
          </div>
          <button id="send" class="primary">
            {t(mode.value.kind === "edit" ? "composer.save" : "room.send")}
          </button>
        </div>
        <div class="side">
          <NameField />
          <span id="hint" class={over.value > 0 ? "hint bad" : "hint"} role={over.value > 0 ? "status" : undefined}>
            {over.value > 0 ? count("room.tooLong", over.value) : t("room.keys")}
          </span>
          <Toggle id="toggle" />
        </div>
      </form>
    </footer>
  );
}

// dispatch does with a text what the composer is for at the moment.
function dispatch(text: string): void {
  const m = mode.value;
  if (m.kind === "edit") {
    if (text !== m.message.text) here.edit(m.message.offset, text);
  } else {
    here.post(text, m.kind === "reply" ? m.to.offset : undefined);
    toEnd(); // what one says is seen, wherever one was
  }
  mode.value = { kind: "new" };
}

// editLast edits one's last message; while that is still on its way, or may lie after what
// is loaded, no other.
function editLast(e: KeyboardEvent): void {
  const state = here.state.room;
  if (!state?.attached || state.pending.length > 0) return;
  const mine = state.feed.findLast((i) => i.kind === "message" && i.author.id === me.value?.id && !i.deleted);
  if (mine?.kind !== "message") return;
  e.preventDefault();
  mode.value = { kind: "edit", message: mine };
}

function pickEmoji(button: Element, insert: (text: string) => void): void {
  const pick = (emoji: string) => {
    insert(emoji);
    setTimeout(toComposer); // after the picker has given the focus back to its button
  };
  overlay.value = { kind: "picker", anchor: anchorOf(button), label: t("composer.emoji"), message: null, pick };
}

// Where the style can do it, no letter has to wait for the page to be measured.
const growsByItself = CSS.supports("field-sizing", "content");

// grow fits the height to the text; composer.css says where it ends.
function grow(field: HTMLTextAreaElement | null): void {
  if (!field || growsByItself) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`; // and its border
}
