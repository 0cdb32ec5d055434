import type { ConnectionState } from "../../client/app.js";
import { connection, headcount, kept } from "../here.js";
import { count, t } from "../i18n.js";
import { drawer, panelOpen, togglePanel, wide } from "../view.js";

export function stateWords(c: ConnectionState): string {
  if (c.kind === "offline" && c.why === "refused") return t("state.refused");
  return t(`state.${c.kind}`);
}

// State says in one word how the connection stands; what is unusual about it in a title.
export function State() {
  const c = connection.value;
  return (
    <span id="state" data-state={c.kind} data-by={c.kind === "online" ? c.by : undefined}>
      {stateWords(c)}
    </span>
  );
}

// Hint says what isn't as usual and still no trouble.
export function Hint() {
  const c = connection.value;
  const words = c.kind === "online" ? (c.by === "websocket" ? null : t(`state.way.${c.by}`)) : kept.value ? t("state.kept") : null;
  return (
    <p id="way" class="way" hidden={words === null}>
      {words}
    </p>
  );
}

export function People() {
  const n = headcount.value;
  return (
    <button
      type="button"
      id="people"
      hidden={n === null}
      aria-expanded={wide.value ? panelOpen.value : drawer.value === "panel"}
      aria-controls="panel"
      onClick={togglePanel}
    >
      {n !== null && count("people", n)}
    </button>
  );
}
