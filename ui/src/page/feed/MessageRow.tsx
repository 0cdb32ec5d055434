import { Component } from "preact";
import { t } from "../i18n.js";
import { Seal } from "../parts/Seal.js";
import { hueOf } from "../colour.js";
import { clock, inFull } from "../when.js";
import { Body } from "./Body.js";
import { labelOf } from "./label.js";
import { PendingNote } from "./PendingNote.js";
import { Quote } from "./Quote.js";
import { Reactions } from "./Reactions.js";
import { isMessage, type FeedRow } from "./rows.js";
import { Tools } from "./Tools.js";

export interface MessageRowProps {
  readonly row: FeedRow & { readonly kind: "message" };
  readonly me: string; // my name
  readonly tab: boolean; // where Tab enters the feed
  readonly active: boolean; // shows its tools
  readonly held: boolean; // has the focus
  readonly marked: boolean; // was gone to
}

// MessageRow is a message, or a post of ours that is on its way to become one. It is drawn
// again only when something of it is another: fifty messages a second pass by the rows
// that are there already.
export class MessageRow extends Component<MessageRowProps> {
  override shouldComponentUpdate(next: MessageRowProps): boolean {
    const [a, b] = [this.props.row, next.row];
    return (
      a.item !== b.item ||
      a.mine !== b.mine ||
      a.run !== b.run ||
      a.quoted !== b.quoted ||
      a.author !== b.author ||
      this.props.me !== next.me ||
      this.props.tab !== next.tab ||
      this.props.active !== next.active ||
      this.props.held !== next.held ||
      this.props.marked !== next.marked
    );
  }

  render({ row, me, tab, active, held, marked }: MessageRowProps) {
    const { item, author, mine, run, quoted } = row;
    const message = isMessage(item) ? item : null;
    const post = isMessage(item) ? null : item;
    // Tab goes from message to message by way of one of them only, and through what is in
    // that one: a long feed isn't a hundred stops.
    const tabIndex = held ? 0 : -1;
    const classes = ["message", mine && "mine", author.hue !== undefined && "hued", run && "run", active && "active", marked && "marked", message?.busy && "busy", post && "pending " + post.status.kind];
    return (
      <li
        class={classes.filter(Boolean).join(" ")}
        data-key={row.key}
        data-offset={message?.offset}
        data-id={item.id}
        data-status={post?.status.kind}
        style={{ "--hue": String(hueOf(author)) }}
      >
        <article tabIndex={tab ? 0 : -1} aria-label={labelOf(item, author, quoted)}>
          <Seal author={author} />
          <bdi class="author">{author.name}</bdi>
          <time dateTime={new Date(item.time).toISOString()} title={inFull(item.time)}>
            {clock(item.time)}
          </time>
          <div class="said">
            {item.reply !== null && !message?.deleted && <Quote offset={item.reply} quoted={quoted} tabIndex={tabIndex} />}
            {message?.deleted ? (
              <div class="text deleted">{t("message.deleted")}</div>
            ) : (
              <Body message={message ?? { text: item.text, body: null }} me={me} tabIndex={tabIndex} />
            )}
            {message?.edited != null && !message.deleted && (
              <span class="edited" title={inFull(message.edited)}>
                {t("message.edited")}
              </span>
            )}
          </div>
          {message && <Reactions message={message} tabIndex={tabIndex} />}
          {post && <PendingNote pending={post} />}
        </article>
        {active && message && !message.deleted && <Tools message={message} tabIndex={tabIndex} />}
      </li>
    );
  }
}
