import type { Message } from "../../client/app.js";
import { me } from "../here.js";
import { lang, listed, t } from "../i18n.js";
import { nameOf } from "../names.js";
import { IconButton } from "../parts/IconButton.js";
import { anchorOf } from "../view.js";
import { pickReaction, react } from "./actions.js";

// Reactions stand under the message; a click joins in or takes one's own back. They are
// no news to a screen reader: the message's label has them.
export function Reactions({ message, tabIndex }: { message: Message; tabIndex: number }) {
  if (message.reactions.length === 0) return null;
  const mine = me.value?.id ?? "";
  return (
    <div class="reactions" aria-live="off">
      {message.reactions.map(({ emoji, authors }) => {
        const on = authors.includes(mine);
        const n = authors.length.toLocaleString(lang);
        const who = t("reaction.people", { emoji, n, names: listed(authors.map(nameOf)) });
        return (
          <button
            key={emoji}
            type="button"
            class="reaction"
            data-emoji={emoji}
            aria-pressed={on}
            aria-label={who}
            title={who}
            tabIndex={tabIndex}
            onClick={() => react(message, emoji, !on)}
          >
            <span class="emoji">{emoji}</span> <span class="n">{n}</span>
          </button>
        );
      })}
      <IconButton
        icon="smile"
        label={t("act.react")}
        class="add"
        tabIndex={tabIndex}
        onClick={(e) => pickReaction(message, anchorOf(e.currentTarget))}
      />
    </div>
  );
}
