import type { Message } from "../../client/app.js";
import { t, type Key } from "../i18n.js";
import { Icon, type IconName } from "../parts/Icon.js";
import { IconButton } from "../parts/IconButton.js";
import { closeOverlay, Overlay } from "../parts/Overlay.js";
import type { Anchor } from "../view.js";
import { askDelete, copyLink, copyText, edit, isMine, pickReaction, reply } from "./actions.js";
import { plain } from "./plain.js";
import { QuickRow } from "./Tools.js";

interface Item {
  readonly action: string;
  readonly icon: IconName;
  readonly label: Key;
  readonly do: (m: Message) => void;
}

const copyItems: readonly Item[] = [
  { action: "copy-text", icon: "copy", label: "act.copyText", do: copyText },
  { action: "copy-link", icon: "link", label: "act.copyLink", do: copyLink },
];
const ownItems: readonly Item[] = [
  { action: "edit", icon: "edit", label: "act.edit", do: edit },
  { action: "delete", icon: "remove", label: "act.delete", do: askDelete },
];
const replyItem: Item = { action: "reply", icon: "reply", label: "act.reply", do: reply };

function itemsFor(m: Message): readonly Item[] {
  return isMine(m) ? [...copyItems, ...ownItems] : copyItems;
}

// MessageMenu is what the three dots open.
export function MessageMenu({ message, anchor }: { message: Message; anchor: Anchor | null }) {
  return (
    <Overlay id="menu" label={t("act.toolbar")} anchor={anchor}>
      <Items message={message} items={itemsFor(message)} />
    </Overlay>
  );
}

// MessageSheet is the same for fingers, with everything in it.
export function MessageSheet({ message }: { message: Message }) {
  return (
    <Overlay id="sheet" label={t("act.toolbar")} anchor={null}>
      <p class="sheet-text" dir="auto">
        {plain(message).slice(0, 200)}
      </p>
      <div class="quick-row">
        <QuickRow message={message} done={closeOverlay} />
        <IconButton icon="smile" action="react" label={t("act.react")} onClick={() => pickReaction(message, null)} />
      </div>
      <Items message={message} items={[replyItem, ...itemsFor(message)]} />
    </Overlay>
  );
}

function Items({ message, items }: { message: Message; items: readonly Item[] }) {
  return (
    <div class="menu" role="menu" aria-label={t("act.toolbar")} onKeyDown={walk}>
      {items.map((item, i) => (
        <button
          key={item.action}
          type="button"
          role="menuitem"
          class={item.action === "delete" ? "bad" : ""}
          data-action={item.action}
          data-first={i === 0 ? "" : undefined}
          onClick={() => (closeOverlay(), item.do(message))}
        >
          <Icon name={item.icon} />
          {t(item.label)}
        </button>
      ))}
    </div>
  );
}

// walk goes through a menu by the arrow keys, round its ends.
function walk(e: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const items = [...e.currentTarget.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[e.key];
  if (to === undefined) return;
  e.preventDefault();
  items[(to + items.length) % items.length]?.focus();
}
