import { t, type Key } from "../i18n.js";
import { IconButton } from "../parts/IconButton.js";
import { closeOverlay, Overlay } from "../parts/Overlay.js";

type Line = readonly [keys: string, words: Key];

const composer: readonly Line[] = [
  ["Enter", "help.enter"],
  ["Shift Enter", "help.newline"],
  ["↑", "help.editLast"],
  ["@", "help.mention"],
  ["Shift Tab", "help.toFeed"],
];
const feed: readonly Line[] = [
  ["↑ ↓", "help.move"],
  ["Home End", "help.ends"],
  ["R", "help.reply"],
  ["+", "help.react"],
  ["E", "help.edit"],
  ["Delete", "help.delete"],
  ["C", "help.copy"],
  ["Enter", "help.menu"],
  ["Esc", "help.escape"],
  ["?", "help.help"],
];

export function Help() {
  return (
    <Overlay id="help" label={t("help.title")}>
      <div class="column-head">
        <h2>{t("help.title")}</h2>
        <IconButton icon="close" label={t("panel.close")} onClick={closeOverlay} />
      </div>
      <Keys title={t("help.composer")} lines={composer} />
      <Keys title={t("help.feed")} lines={feed} />
    </Overlay>
  );
}

function Keys({ title, lines }: { title: string; lines: readonly Line[] }) {
  return (
    <>
      <h3>{title}</h3>
      <dl class="keys">
        {lines.map(([keys, words]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((k) => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{t(words)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
