// Words in the page's language. Both catalogues are in the bundle: they are small,
// and a page that must fetch its words first can't say that the network is gone.

import en from "../i18n/en.json";
import zh from "../i18n/zh.json";

export type Key = keyof typeof en;

export const lang = document.documentElement.lang.startsWith("zh") ? "zh-CN" : "en";

const words: Record<Key, string> = lang === "zh-CN" ? zh : en;
const plural = new Intl.PluralRules(lang);

export function t(key: Key, n?: number): string {
  const text = words[key];
  return n === undefined ? text : text.replace("{n}", n.toLocaleString(lang));
}

type Counted = Key extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

// count picks the form for n: 1 person, 2 people.
export function count(key: Counted, n: number): string {
  return t(plural.select(n) === "one" ? `${key}.one` : `${key}.other`, n);
}

// has tells whether a key that came from outside, such as an error's code, has words.
export function has(key: string): key is Key {
  return Object.hasOwn(words, key);
}
