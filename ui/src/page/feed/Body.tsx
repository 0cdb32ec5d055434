// A message's text: plain, or the tree that its Markdown makes. All of it becomes text
// nodes and a few known elements.

import type { ComponentChildren } from "preact";
import { mentionName, type Message, type Node } from "../../client/app.js";
import { t } from "../i18n.js";
import { copy } from "../parts/clipboard.js";
import { IconButton } from "../parts/IconButton.js";

export interface BodyProps {
  readonly message: Pick<Message, "text" | "body">;
  readonly me: string; // my name, as others see it
  readonly tabIndex: number; // of what is in it
}

// What the whole tree is drawn with.
interface Hand {
  readonly me: string; // as a mention has it
  readonly tabIndex: number;
}

export function Body({ message: { text, body }, me, tabIndex }: BodyProps) {
  if (!body) {
    return (
      <div class={isBig(text) ? "text big" : "text"} dir="auto">
        {text}
      </div>
    );
  }
  return (
    <div class="text blocks" dir="auto">
      {drawAll(body, { me: mentionName(me).toLowerCase(), tabIndex })}
    </div>
  );
}

// One to three emoji by themselves are said with the whole face.
function isBig(text: string): boolean {
  return text.length <= 40 && /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\ufe0f|\u200d\p{Extended_Pictographic})*\s*){1,3}$/u.test(text);
}

function drawAll(nodes: readonly (Node | number)[], hand: Hand): ComponentChildren {
  return nodes.map((n) => draw(n, hand));
}

function draw(node: Node | number, hand: Hand): ComponentChildren {
  if (typeof node === "number") return null;
  if (typeof node === "string") return node;
  const [tag, first, ...rest] = node;
  const all = node.slice(1) as (Node | number)[];
  switch (tag) {
    case "p":
      return <p>{drawAll(all, hand)}</p>;
    case "br":
      return <br />;
    case "b":
      return <strong>{drawAll(all, hand)}</strong>;
    case "i":
      return <em>{drawAll(all, hand)}</em>;
    case "s":
      return <s>{drawAll(all, hand)}</s>;
    case "code":
      return <code>{drawAll(all, hand)}</code>;
    case "pre":
      return <Code lang={String(first ?? "")} text={String(rest[0] ?? "")} />;
    case "a":
      return <Link href={String(first ?? "")} tabIndex={hand.tabIndex}>{drawAll(rest, hand)}</Link>;
    case "quote":
      return <blockquote>{drawAll(all, hand)}</blockquote>;
    case "ul":
      return <ul>{drawAll(all, hand)}</ul>;
    case "ol":
      return <ol start={Number(first) || 1}>{drawAll(rest, hand)}</ol>;
    case "li":
      return <li>{drawAll(all, hand)}</li>;
    case "h":
      return <p class="heading">{drawAll(rest, hand)}</p>;
    case "hr":
      return <hr />;
    case "@":
      return <Mention name={String(first ?? "")} me={hand.me} />;
    default:
      return drawAll(all, hand);
  }
}

function Link({ href, tabIndex, children }: { href: string; tabIndex: number; children: ComponentChildren }) {
  if (!/^(?:https?|mailto):/i.test(href)) return <>{children}</>;
  return (
    <a href={href} tabIndex={tabIndex} target="_blank" rel="noopener noreferrer nofollow ugc">
      {children}
    </a>
  );
}

function Mention({ name, me }: { name: string; me: string }) {
  const mine = name.toLowerCase() === me;
  return <bdi class={mine ? "mention me" : "mention"}>@{name}</bdi>;
}

// Code scrolls within itself, so it can be reached by the keyboard.
function Code({ lang, text }: { lang: string; text: string }) {
  return (
    <div class="code">
      <pre dir="ltr" tabIndex={0} role="group" aria-label={lang || t("message.code")}>
        <code>{text}</code>
      </pre>
      <IconButton icon="copy" label={t("message.copyCode")} class="copy-code" onClick={() => void copy(text)} />
    </div>
  );
}
