import { useMemo } from "preact/hooks";
import { connection, here } from "../here.js";
import { t } from "../i18n.js";
import { useCountdown } from "../parts/countdown.js";

// Less isn't worth a countdown: it would be gone before it is read.
const shortWait = 700;

// Retry counts down to the next attempt, and makes it at once when asked.
export function Retry() {
  const c = connection.value;
  const at = c.kind === "reconnecting" ? c.at : 0;
  const left = useCountdown(at);
  const worth = useMemo(() => at - Date.now() >= shortWait, [at]);
  return (
    <p class="retry" id="retry" hidden={!worth}>
      <span id="retry-in">{worth && t("retry.in", left)}</span>{" "}
      <button type="button" id="retry-now" class="link" onClick={() => here.reconnectNow()}>
        {t("retry.now")}
      </button>
    </p>
  );
}
