import { mentionName, type Author } from "../../client/app.js";
import { headcount, me, people } from "../here.js";
import { count, t } from "../i18n.js";
import { Seal } from "../parts/Seal.js";
import { drawer, toComposer } from "../view.js";
import { Settings } from "./Settings.js";

// PeopleTab is who is here, and oneself.
export function PeopleTab() {
  const more = (headcount.value ?? 0) - people.value.length;
  return (
    <>
      <ul class="people" id="people-list">
        {people.value.map((a) => (
          <Person key={a.id} author={a} />
        ))}
      </ul>
      {people.value.length === 0 && <p class="hint">{t("people.unknown")}</p>}
      {people.value.length > 0 && more > 0 && <p class="hint">{count("people.more", more)}</p>}
      <Settings />
    </>
  );
}

function Person({ author }: { author: Author }) {
  const self = author.id === me.value?.id;
  return (
    <li data-author={author.id}>
      <Seal author={author} />
      {self ? (
        <span class="person">
          <bdi>{author.name}</bdi> <span class="hint">{t("people.you")}</span>
        </span>
      ) : (
        <button type="button" class="person" title={t("people.mention")} onClick={() => mention(author)}>
          <bdi>{author.name}</bdi>
        </button>
      )}
    </li>
  );
}

// mention puts a name into what one writes, as the completion would.
function mention({ name }: Author): void {
  drawer.value = null;
  setTimeout(() => {
    const field = document.querySelector<HTMLTextAreaElement>("#text");
    if (!field) return;
    const before = field.value.slice(0, field.selectionStart);
    const gap = before === "" || /\s$/.test(before) ? "" : " ";
    field.setRangeText(`${gap}@${mentionName(name)} `, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    toComposer();
  });
}
