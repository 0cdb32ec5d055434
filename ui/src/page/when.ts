// Times as people say them: the hour today, the day as well before.

import { lang } from "./i18n.js";

const hour = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(lang, { month: "short", day: "numeric" });
const year = new Intl.DateTimeFormat(lang, { year: "numeric", month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat(lang, { dateStyle: "full", timeStyle: "medium" });

export function when(time: number, now: number): string {
  const then = new Date(time);
  const today = new Date(now);
  if (then.toDateString() === today.toDateString()) return hour.format(then);
  const date = then.getFullYear() === today.getFullYear() ? day : year;
  return `${date.format(then)} ${hour.format(then)}`;
}

export function inFull(time: number): string {
  return full.format(new Date(time));
}
