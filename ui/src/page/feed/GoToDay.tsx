import { here } from "../here.js";
import { t } from "../i18n.js";
import { closeOverlay, Overlay } from "../parts/Overlay.js";
import type { Anchor } from "../view.js";
import { fromDateField, toDateField } from "../when.js";

// GoToDay asks for a day, with the calendar that the system has.
export function GoToDay({ time, anchor }: { time: number; anchor: Anchor | null }) {
  return (
    <Overlay id="date" label={t("feed.jumpDate")} anchor={anchor}>
      <form
        class="write"
        onSubmit={(e) => {
          e.preventDefault();
          const day = fromDateField(new FormData(e.currentTarget).get("day") as string);
          closeOverlay();
          if (day !== null) here.toDate(day);
        }}
      >
        <label>
          <span class="label">{t("feed.jumpDate")}</span>
          <input type="date" name="day" data-first="" required value={toDateField(time)} max={toDateField(Date.now())} />
        </label>
        <button class="primary">{t("feed.go")}</button>
      </form>
    </Overlay>
  );
}
