import type { Message } from "../../client/app.js";
import { t } from "../i18n.js";
import { IconButton } from "../parts/IconButton.js";
import { anchorOf, overlay } from "../view.js";
import { pickReaction, reply, toggleReaction } from "./actions.js";
import { quick } from "./quick.js";

// Tools is the row of buttons over a message that one points at or is in. It isn't news
// to a screen reader when it comes. Tab goes through it from its message only: a mouse that
// rests on another must not stand in the way.
export function Tools({ message, tabIndex }: { message: Message; tabIndex: number }) {
  return (
    <div class="tools" role="group" aria-label={t("act.toolbar")} aria-live="off">
      <QuickRow message={message} tabIndex={tabIndex} />
      <IconButton
        icon="smile"
        action="react"
        label={t("act.react")}
        tabIndex={tabIndex}
        onClick={(e) => pickReaction(message, anchorOf(e.currentTarget))}
      />
      <IconButton icon="reply" action="reply" label={t("act.reply")} tabIndex={tabIndex} onClick={() => reply(message)} />
      <IconButton
        icon="more"
        action="more"
        label={t("act.more")}
        tabIndex={tabIndex}
        onClick={(e) => (overlay.value = { kind: "menu", message, anchor: anchorOf(e.currentTarget) })}
      />
    </div>
  );
}

export interface QuickRowProps {
  readonly message: Message;
  readonly tabIndex?: number;
  readonly done?: () => void;
}

export function QuickRow({ message, tabIndex = 0, done }: QuickRowProps) {
  return (
    <>
      {quick().map((emoji) => (
        <button
          key={emoji}
          type="button"
          class="icon-button emoji"
          data-quick={emoji}
          aria-label={t("act.reactWith", { emoji })}
          tabIndex={tabIndex}
          onClick={() => (done?.(), toggleReaction(message, emoji))}
        >
          {emoji}
        </button>
      ))}
    </>
  );
}
