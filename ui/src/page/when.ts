// Times as people say them.

import { lang, t } from "./i18n.js";

const hour = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const weekday = format({ month: "long", day: "numeric", weekday: "long" });
const year = format({ year: "numeric", month: "long", day: "numeric", weekday: "long" });
const full = format({ dateStyle: "full", timeStyle: "medium" });

// format makes its formatter when it is first needed: each costs some milliseconds.
function format(options: Intl.DateTimeFormatOptions): (time: number) => string {
  let made: Intl.DateTimeFormat | undefined;
  return (time) => (made ??= new Intl.DateTimeFormat(lang, options)).format(time);
}

export function clock(time: number): string {
  return hour(time);
}

export function inFull(time: number): string {
  return full(time);
}

// dayOf numbers the days of this place, so that two times can be told to be of one.
export function dayOf(time: number): number {
  const d = new Date(time);
  return d.getFullYear() * 400 + d.getMonth() * 32 + d.getDate();
}

export function dayName(time: number, now: number): string {
  if (dayOf(time) === dayOf(now)) return t("feed.today");
  if (dayOf(time) === dayOf(now - 24 * 3600_000)) return t("feed.yesterday");
  return new Date(time).getFullYear() === new Date(now).getFullYear() ? weekday(time) : year(time);
}

// A date as <input type="date"> has it, in this place's time.
export function toDateField(time: number): string {
  const d = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

export function fromDateField(value: string): number | null {
  const time = new Date(value + "T00:00").getTime();
  return Number.isNaN(time) ? null : time;
}
