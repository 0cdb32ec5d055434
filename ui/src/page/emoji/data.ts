// emoji.js: the emoji that the picker offers, each with its English and Chinese words,
// after Unicode's CLDR. It is loaded by itself when a picker is first opened.

import lines from "./emoji.json";

export type Group = keyof typeof lines;

export { lines };
