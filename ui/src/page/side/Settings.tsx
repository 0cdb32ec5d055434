import type { Level } from "../../client/app.js";
import { choices } from "../colour.js";
import { NameInput } from "../composer/NameField.js";
import { Toggle } from "../composer/Toggle.js";
import { here, level, roomName } from "../here.js";
import { t } from "../i18n.js";
import { askPermission, permission } from "../notice/notices.js";
import { setSound, sound } from "../notice/sound.js";
import { IconButton } from "../parts/IconButton.js";
import { hue, recolour } from "../self.js";
import { drawer, overlay } from "../view.js";
import { Pass } from "./Pass.js";

// Settings are one's own: how others see one, and how this room may call.
export function Settings() {
  return (
    <div class="settings">
      <h2>{t("me.title")}</h2>
      <label class="setting">
        <span class="label">{t("room.name")}</span>
        <NameInput id="my-name" />
      </label>
      <Colours />
      <h2>{t("level.title")}</h2>
      <Levels />
      <Permission />
      <label class="setting check">
        <input type="checkbox" id="sound" role="switch" checked={sound.value} onChange={(e) => setSound(e.currentTarget.checked)} />
        <span>{t("notify.sound")}</span>
      </label>
      <Pass />
      <p class="ways">
        <a class="lang" href={"?lang=" + t("lang.switch")} hreflang={t("lang.switch")} lang={t("lang.switch")}>
          {t("lang.switchName")}
        </a>
        <IconButton id="show-help" icon="help" label={t("help.show")} onClick={() => ((drawer.value = null), (overlay.value = { kind: "help" }))} />
        <Toggle />
      </p>
    </div>
  );
}

function Colours() {
  return (
    <fieldset class="colours" id="colours">
      <legend class="label">{t("me.colour")}</legend>
      <label class="auto">
        <input type="radio" name="hue" checked={hue.value === null} onChange={() => recolour(null)} />
        <span>{t("me.colourAuto")}</span>
      </label>
      {choices.map((h, i) => (
        <label key={h} class="swatch" style={{ "--hue": String(h) }} title={t("me.hue", i + 1)}>
          <input type="radio" name="hue" value={h} checked={hue.value === h} aria-label={t("me.hue", i + 1)} onChange={() => recolour(h)} />
          <span />
        </label>
      ))}
    </fieldset>
  );
}

const levels: readonly Level[] = ["all", "mentions", "none"];

function Levels() {
  return (
    <fieldset class="segments" id="level">
      <legend class="unseen">{t("level.title")}</legend>
      {levels.map((l) => (
        <label key={l}>
          <input type="radio" name="level" value={l} checked={level.value === l} onChange={() => here.level(roomName.value, l)} />
          <span>{t(`level.${l}`)}</span>
        </label>
      ))}
    </fieldset>
  );
}

// Permission is asked for by a click only: a page that asks by itself is refused, and rightly.
function Permission() {
  switch (permission.value) {
    case "default":
      return (
        <button type="button" class="quiet" id="allow-notices" onClick={() => void askPermission()}>
          {t("notify.allow")}
        </button>
      );
    case "granted":
      return <p class="hint">{t("notify.on")}</p>;
    case "denied":
      return <p class="hint">{t("notify.denied")}</p>;
    default:
      return null;
  }
}
