import type { Message } from "../../client/app.js";
import { here } from "../here.js";
import { t } from "../i18n.js";
import { closeOverlay, Overlay } from "../parts/Overlay.js";
import { plain } from "./plain.js";

// Confirm asks once before a message goes for good.
export function Confirm({ message }: { message: Message }) {
  return (
    <Overlay id="confirm" label={t("delete.title")}>
      <h2>{t("delete.title")}</h2>
      <p class="sheet-text" dir="auto">
        {plain(message).slice(0, 200)}
      </p>
      <p class="hint">{t("delete.detail")}</p>
      <div class="answers">
        <button type="button" class="quiet" data-first="" data-action="cancel" onClick={closeOverlay}>
          {t("act.cancel")}
        </button>
        <button type="button" class="primary" data-action="confirm" onClick={() => (closeOverlay(), here.remove(message.offset))}>
          {t("act.delete")}
        </button>
      </div>
    </Overlay>
  );
}
