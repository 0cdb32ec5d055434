// A message's words without what Markdown makes of them: for a line that quotes it, and
// for the ear.

import type { Message, Node } from "../../client/app.js";

export function plain({ text, body }: Pick<Message, "text" | "body">): string {
  return body ? body.map(words).join(" ").trim() : text;
}

// Blocks and line breaks are apart by a space; a link is its words, not its address.
function words(node: Node | number): string {
  if (typeof node === "number") return "";
  if (typeof node === "string") return node;
  const [tag, ...rest] = node;
  switch (tag) {
    case "@":
      return "@" + rest.map(words).join("");
    case "br":
    case "hr":
      return " ";
    case "pre":
    case "a":
      return rest.slice(1).map(words).join("");
    case "quote":
    case "ul":
    case "ol":
      return rest.map(words).join(" ");
    default:
      return rest.map(words).join("");
  }
}
