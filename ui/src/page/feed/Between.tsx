// The rows between the messages: days, the line of what is new, the connection's lines.

import { Component } from "preact";
import type { Line } from "../../client/app.js";
import { t } from "../i18n.js";
import { anchorOf, overlay } from "../view.js";
import { dayName, inFull } from "../when.js";

// DayRow is a day's name; a click on it asks for another day.
export function DayRow({ time }: { time: number }) {
  return (
    <li class="day">
      <button type="button" title={t("feed.jumpDate")} onClick={(e) => (overlay.value = { kind: "date", anchor: anchorOf(e.currentTarget), time })}>
        {dayName(time, Date.now())}
      </button>
    </li>
  );
}

export function UnreadRow() {
  return (
    <li class="unread-line">
      <span>{t("feed.unread")}</span>
    </li>
  );
}

export class LineRow extends Component<{ readonly line: Line }> {
  override shouldComponentUpdate(next: { readonly line: Line }): boolean {
    return next.line !== this.props.line;
  }

  render({ line }: { readonly line: Line }) {
    return (
      <li class={"line " + line.what} title={inFull(line.time)}>
        {t(`line.${line.what}`)}
      </li>
    );
  }
}
