import { useSignalEffect } from "@preact/signals";
import { plain } from "../feed/plain.js";
import { QuoteLine } from "../feed/Quote.js";
import { room } from "../here.js";
import { t } from "../i18n.js";
import { Icon } from "../parts/Icon.js";
import { IconButton } from "../parts/IconButton.js";
import { mode, toComposer } from "../view.js";

// Context says over the field what the text will be: an answer, or another text of a
// message. A plain message needs no words.
export function Context() {
  useSignalEffect(leaveWhenGone);
  const m = mode.value;
  if (m.kind === "new") return null;
  const message = m.kind === "reply" ? m.to : m.message;
  const leave = () => {
    mode.value = { kind: "new" };
    toComposer();
  };
  return (
    <div class="context" id="context" data-mode={m.kind}>
      <Icon name={m.kind} />
      <p>
        <span class="unseen">{m.kind === "reply" ? t("composer.replying", { name: message.author.name }) : t("composer.editing")}</span>
        {m.kind === "edit" && <span aria-hidden="true">{t("composer.editing")}</span>}
        {m.kind === "reply" && <QuoteLine author={message.author} text={plain(message)} />}
      </p>
      <IconButton icon="close" action="leave" label={t(m.kind === "reply" ? "composer.leaveReply" : "composer.leave")} onClick={leave} />
    </div>
  );
}

// A message that is deleted meanwhile can't be answered or edited any more.
function leaveWhenGone(): void {
  const m = mode.value;
  if (m.kind === "new") return;
  const { offset } = m.kind === "reply" ? m.to : m.message;
  if (room.value?.feed.some((i) => i.kind === "message" && i.offset === offset && i.deleted)) mode.value = { kind: "new" };
}
