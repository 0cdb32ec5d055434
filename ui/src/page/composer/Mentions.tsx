import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { mentionName, type Author } from "../../client/app.js";
import { beforeCall } from "../../client/body.js";
import { me, people, room } from "../here.js";
import { t } from "../i18n.js";
import { Seal } from "../parts/Seal.js";

const mostShown = 6;
// No name is longer, in UTF-16 and with its "@".
const longest = 70;

const nobody: readonly Author[] = [];

// An "@" and what follows it up to the caret.
const asked = new RegExp(beforeCall + "@([\\p{L}\\p{M}\\p{Nd}_.-]*)$", "u");

export interface MentionsState {
  readonly open: boolean;
  readonly options: readonly Author[];
  readonly at: number;
  readonly optionID: string;
  look(): void; // the text or the caret has changed
  key(e: KeyboardEvent): boolean; // took the key
  choose(a: Author): void;
  close(): void;
}

// useMentions completes a name after an "@". The focus stays in the field: the list tells
// a screen reader through aria-activedescendant where it is.
export function useMentions(field: RefObject<HTMLTextAreaElement | null>, changed: () => void): MentionsState {
  const options = useSignal(nobody);
  const at = useSignal(0);
  // What was begun after the "@" before the caret; null when there is none.
  const begun = () => asked.exec(field.current?.value.slice(0, field.current.selectionStart).slice(-longest) ?? "")?.[1] ?? null;
  const close = () => (options.value = nobody);
  const choose = (a: Author) => {
    const el = field.current;
    const name = begun();
    close();
    if (!el || name === null) return;
    el.setRangeText(`@${mentionName(a.name)} `, el.selectionStart - name.length - 1, el.selectionStart, "end");
    changed();
  };
  const key = (e: KeyboardEvent): boolean => {
    const n = options.value.length;
    const option = options.value[at.value];
    if (n === 0 || !option || e.shiftKey || e.ctrlKey || e.altKey || e.metaKey) return false;
    if (e.key === "ArrowDown") at.value = (at.value + 1) % n;
    else if (e.key === "ArrowUp") at.value = (at.value + n - 1) % n;
    else if (e.key === "Enter" || e.key === "Tab") choose(option);
    else if (e.key === "Escape") close();
    else return false;
    e.preventDefault();
    return true;
  };
  const look = () => {
    const name = begun();
    options.value = name === null ? nobody : candidates(name);
    at.value = 0;
  };
  return { open: options.value.length > 0, options: options.value, at: at.value, optionID: `mention-${at.value}`, look, key, choose, close };
}

// candidates are people who are here and who spoke lately, those first whose name begins so.
function candidates(start: string): readonly Author[] {
  const wanted = start.toLowerCase();
  const seen = new Set([me.value?.id]);
  const found: Author[] = [];
  for (const a of [...people.value, ...lateAuthors()]) {
    if (seen.has(a.id) || !mentionName(a.name).toLowerCase().includes(wanted)) continue;
    seen.add(a.id);
    found.push(a);
  }
  const begins = (a: Author) => Number(mentionName(a.name).toLowerCase().startsWith(wanted));
  // One who is written out already needs no completing.
  const exact = found.length === 1 && found[0] && mentionName(found[0].name).toLowerCase() === wanted;
  return exact || found.length === 0 ? nobody : found.sort((a, b) => begins(b) - begins(a)).slice(0, mostShown);
}

function* lateAuthors(): Generator<Author> {
  const feed = room.value?.feed ?? [];
  for (let i = feed.length - 1; i >= 0; i--) {
    const item = feed[i];
    if (item?.kind === "message") yield item.author;
  }
}

export function Mentions({ mentions: { open, options, at, choose } }: { mentions: MentionsState }) {
  if (!open) return null;
  return (
    <ul id="mention-list" class="mention-list" role="listbox" aria-label={t("composer.mentions")}>
      {options.map((a, i) => (
        <li
          key={a.id}
          id={`mention-${i}`}
          role="option"
          aria-selected={i === at}
          // Before the field would lose the focus.
          onMouseDown={(e) => (e.preventDefault(), choose(a))}
        >
          <Seal author={a} />
          <bdi>{a.name}</bdi>
        </li>
      ))}
    </ul>
  );
}
