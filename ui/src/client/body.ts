// A message's body: its Markdown as the tree that the server parsed. What comes is
// checked here once, so that who draws it can trust its shape.

// A string is text; else a tag with its children, or its own things: ["pre", lang, text],
// ["code", text], ["a", url, …], ["ol", start, …], ["h", level, …], ["@", name].
export type Node = string | Branch;
// An interface, since a type alias can't name itself in a tuple's rest.
export interface Branch extends Readonly<[tag: string, ...rest: (Node | number)[]]> {}

// The server nests 8 deep; a newer one may need more, a hostile one gets no further.
const maxDepth = 16;
// More nodes than 4,000 characters can make.
const maxNodes = 20_000;

const plainTags = new Set(["p", "br", "b", "i", "s", "quote", "ul", "li", "hr"]);
const urls = /^(?:https?:\/\/|mailto:)/i;

// parseBody gives the tree; null when there is none, or when it isn't one: then the
// message is shown by its text.
export function parseBody(v: unknown): readonly Node[] | null {
  if (!Array.isArray(v) || v.length === 0) return null;
  const budget = { left: maxNodes };
  const nodes: Node[] = [];
  for (const child of v) {
    const node = parseNode(child, 1, budget);
    if (node === null) return null;
    nodes.push(node);
  }
  return nodes;
}

function parseNode(v: unknown, depth: number, budget: { left: number }): Node | null {
  if (typeof v === "string") return v;
  if (!Array.isArray(v) || depth > maxDepth || --budget.left < 0) return null;
  const [tag, ...rest] = v as unknown[];
  if (typeof tag !== "string") return null;
  const own = ownParts(tag, rest);
  if (own === null) return null;
  const parts: (Node | number)[] = [...own];
  for (const child of rest.slice(own.length)) {
    const node = parseNode(child, depth + 1, budget);
    if (node === null) return null;
    parts.push(node);
  }
  return [tag, ...parts];
}

// ownParts are what a tag has before its children; null when they aren't as they should be.
function ownParts(tag: string, rest: readonly unknown[]): readonly (string | number)[] | null {
  const [first, second] = rest;
  switch (tag) {
    case "pre":
      return typeof first === "string" && typeof second === "string" && rest.length === 2 ? [first, second] : null;
    case "code":
    case "@":
      return typeof first === "string" && rest.length === 1 ? [first] : null;
    case "a":
      return typeof first === "string" && urls.test(first) ? [first] : null;
    case "ol":
      return Number.isSafeInteger(first) ? [first as number] : null;
    case "h":
      return first === 1 || first === 2 || first === 3 || first === 4 || first === 5 || first === 6 ? [first] : null;
    default:
      // Of an unknown tag the children are shown; what else it has is not for us.
      return plainTags.has(tag) || rest.every((r) => typeof r !== "number") ? [] : null;
  }
}

// mentionName is how a person is called after an "@".
export function mentionName(name: string): string {
  return name.replace(/[^\p{L}\p{M}\p{Nd}_.-]+/gu, "_");
}

// beforeCall is what a mention's "@" may follow, as a pattern with the flag u: not a letter
// or a digit, as in an address, but where words have no spaces between them any.
export const beforeCall = "(?:(?<![\\p{L}\\p{Nd}])|(?<=[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Bopomofo}]))";
const calls = new RegExp(beforeCall + "@([\\p{L}\\p{M}\\p{Nd}_.-]+)", "gu");

// mentions says whether a message's body, or its text where it has none, calls somebody
// of that name.
export function mentions(content: readonly Node[] | string, name: string): boolean {
  const wanted = fold(mentionName(name));
  if (wanted === "") return false;
  if (typeof content !== "string") return content.some((n) => mentioned(n, wanted));
  for (const [, called = ""] of content.matchAll(calls)) if (isCall(called, wanted)) return true;
  return false;
}

function mentioned(node: Node, wanted: string): boolean {
  if (typeof node === "string") return false;
  const [tag, ...rest] = node;
  if (tag === "@") return isCall(String(rest[0]), wanted);
  return rest.some((r) => typeof r !== "number" && mentioned(r, wanted));
}

// isCall allows for the full stop of the sentence that the name ends.
function isCall(called: string, wanted: string): boolean {
  const name = fold(called);
  return name === wanted || name.replace(/[.-]+$/, "") === wanted;
}

function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
