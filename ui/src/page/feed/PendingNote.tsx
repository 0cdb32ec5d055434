import type { Pending, PendingStatus } from "../../client/app.js";
import { here } from "../here.js";
import { count, problem, t } from "../i18n.js";
import { useCountdown } from "../parts/countdown.js";
import { atDesk, toComposer } from "../view.js";

// PendingNote says how a post of ours stands, and what one can do about it.
export function PendingNote({ pending: { id, status } }: { pending: Pending }) {
  return (
    <div class="note">
      {status.kind === "slowed" ? <Slowed until={status.until} /> : statusWords(status)}
      {status.kind === "failed" && (
        <>
          {" "}
          <button type="button" class="link" onClick={() => (here.retry(id), back())}>
            {t("message.retry")}
          </button>{" "}
          <button type="button" class="link" onClick={() => (here.discard(id), back())}>
            {t("message.discard")}
          </button>
        </>
      )}
    </div>
  );
}

function Slowed({ until }: { until: number }) {
  const left = useCountdown(until);
  return <span aria-live="off">{left > 0 ? count("message.slowedFor", left) : t("message.slowed")}</span>;
}

// The button is gone once it was pressed: the focus needs another place.
function back(): void {
  if (atDesk()) toComposer();
}

// statusWords says how a post stands, without counting the seconds.
export function statusWords(status: PendingStatus): string {
  switch (status.kind) {
    case "waiting":
      return t("message.waiting");
    case "slowed":
      return t("message.slowed");
    case "sending":
    case "accepted":
      return t("message.sending");
    case "failed": {
      const why = problem(status.code);
      return t("message.failed") + (why ? t("message.because") + why : "");
    }
  }
}
