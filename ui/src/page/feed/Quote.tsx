import type { Author, Message } from "../../client/app.js";
import { hueOf } from "../colour.js";
import { here } from "../here.js";
import { t } from "../i18n.js";
import { plain } from "./plain.js";

export interface QuoteProps {
  readonly offset: number;
  readonly quoted: Message | null | undefined; // undefined: still looked for
  readonly tabIndex: number;
}

// Quote is the message that is answered, in one line; a click goes there.
export function Quote({ offset, quoted, tabIndex }: QuoteProps) {
  if (!quoted) {
    return <p class="quote empty">{t(quoted === null ? "message.quoteGone" : "message.quoteLoading")}</p>;
  }
  return (
    <button type="button" class="quote" data-offset={offset} tabIndex={tabIndex} onClick={() => here.toOffset(offset)}>
      <span class="unseen">{t("message.quote")} </span>
      <QuoteLine author={quoted.author} text={quoted.deleted ? t("message.deleted") : plain(quoted)} />
    </button>
  );
}

export function QuoteLine({ author, text }: { author: Author; text: string }) {
  return (
    <>
      <bdi class="quote-author" style={{ "--hue": String(hueOf(author)) }}>
        {author.name}
      </bdi>{" "}
      <bdi class="quote-text">{firstLine(text)}</bdi>
    </>
  );
}

// The start is enough: the style cuts it to the width.
function firstLine(text: string): string {
  return text.slice(0, 300).replace(/\s+/g, " ");
}
