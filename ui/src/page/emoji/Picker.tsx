import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { frequent, quick, used } from "../feed/quick.js";
import { t } from "../i18n.js";
import { closeOverlay, Overlay } from "../parts/Overlay.js";
import { atDesk, type Anchor } from "../view.js";
import type { Group } from "./data.js";
import { found, load, type Emoji, type Emojis } from "./load.js";

const oftenUsed = 24;
// Fewer than this, and the picker opens at the smileys.
const worthATab = 8;

// Signs of the tabs: the groups in their order, what one uses often before them.
const signs: readonly (readonly [Group, string])[] = [
  ["smileys", "😀"],
  ["people", "👋"],
  ["nature", "🌿"],
  ["food", "🍵"],
  ["travel", "⛰️"],
  ["activities", "🎉"],
  ["objects", "💡"],
  ["symbols", "❤️"],
];

export interface PickerProps {
  readonly label: string;
  readonly anchor: Anchor | null;
  readonly pick: (emoji: string) => void;
}

// Picker finds an emoji by its group or by a word. Its words come when it is first opened.
export function Picker({ label, anchor, pick }: PickerProps) {
  const all = useSignal<Emojis | null>(null);
  const failed = useSignal(false);
  const query = useSignal("");
  const group = useSignal<Group | "often">(frequent(oftenUsed).length >= worthATab ? "often" : "smileys");
  useEffect(() => {
    load().then(
      (data) => (all.value = data),
      () => (failed.value = true),
    );
  }, []);
  const choose = (emoji: string) => {
    used(emoji);
    closeOverlay();
    pick(emoji);
  };
  return (
    <Overlay id="picker" label={label} anchor={anchor}>
      <input
        type="search"
        class="search"
        placeholder={t("picker.search")}
        aria-label={t("picker.search")}
        data-first={atDesk() ? "" : undefined}
        autocomplete="off"
        onInput={(e) => (query.value = e.currentTarget.value)}
      />
      <div class="groups" role="group" aria-label={t("picker.title")}>
        <GroupButton name="often" sign="🕘" label={t("picker.frequent")} group={group} />
        {signs.map(([name, sign]) => (
          <GroupButton key={name} name={name} sign={sign} label={t(`picker.${name}`)} group={group} />
        ))}
      </div>
      <div class="emojis" onKeyDown={walk}>
        {emojisFor(all.value, query.value, group.value).map((e) => (
          <button key={e.emoji} type="button" class="emoji" data-emoji={e.emoji} aria-label={`${e.emoji} ${e.words}`} title={e.words} onClick={() => choose(e.emoji)}>
            {e.emoji}
          </button>
        ))}
        {query.value !== "" && all.value && found(all.value, query.value).length === 0 && <p class="hint">{t("picker.none")}</p>}
        {failed.value && <p class="hint">{t("picker.failed")}</p>}
      </div>
    </Overlay>
  );
}

function emojisFor(all: Emojis | null, query: string, group: Group | "often"): readonly Emoji[] {
  if (query.trim() !== "" && all) return found(all, query);
  if (group !== "often" && all) return all.groups[group];
  const often = [...new Set([...frequent(oftenUsed), ...quick()])];
  return often.map((emoji) => all?.byEmoji.get(emoji) ?? { emoji, words: "" });
}

interface GroupButtonProps {
  readonly name: Group | "often";
  readonly sign: string;
  readonly label: string;
  readonly group: { value: Group | "often" };
}

function GroupButton({ name, sign, label, group }: GroupButtonProps) {
  return (
    <button type="button" class="emoji" aria-pressed={group.value === name} aria-label={label} title={label} onClick={() => (group.value = name)}>
      {sign}
    </button>
  );
}

// walk goes through the grid by the arrow keys; rows are as long as the width makes them.
function walk(e: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const items = [...e.currentTarget.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  const first = items[0]?.offsetTop ?? 0;
  const beyond = items.findIndex((b) => b.offsetTop > first);
  const width = beyond < 0 ? items.length : beyond;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width }[e.key];
  if (step === undefined || at < 0) return;
  e.preventDefault();
  items[at + step]?.focus();
}
