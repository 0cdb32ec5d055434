// Words in the page's language. Both catalogues are in the bundle: they are small,
// and a page that must fetch its words first can't say that the network is gone.

import en from "../i18n/en.json";
import zh from "../i18n/zh.json";

export type Key = keyof typeof en;

export const lang = document.documentElement.lang.startsWith("zh") ? "zh-CN" : "en";

const words: Record<Key, string> = lang === "zh-CN" ? zh : en;
const plural = new Intl.PluralRules(lang);

// t is a key's words, with {names} filled in; a number is {n}.
export function t(key: Key, values: number | Readonly<Record<string, string>> = {}): string {
  const named = typeof values === "number" ? { n: values.toLocaleString(lang) } : values;
  return words[key].replace(/\{(\w+)\}/g, (hole, name: string) => named[name] ?? hole);
}

type Counted = Key extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

// count picks the form for n: 1 person, 2 people.
export function count(key: Counted, n: number): string {
  return t(plural.select(n) === "one" ? `${key}.one` : `${key}.other`, n);
}

// problem has the words for an error's code that came from outside, if there are some.
export function problem(code: string): string | null {
  const key = "problem." + code;
  return Object.hasOwn(words, key) ? words[key as Key] : null;
}

const names = new Intl.ListFormat(lang, { style: "long", type: "conjunction" });

export function listed(items: readonly string[]): string {
  return names.format(items);
}
