import { typing } from "../here.js";
import { t } from "../i18n.js";

// Typing says in one line who else writes. Its place is always there, so that nothing
// moves when it comes and goes, and it isn't read out.
export function Typing() {
  const who = typing.value;
  return (
    <p id="typing" class="typing" aria-live="off">
      {who.length > 0 && <span>{words(who.map((a) => a.name))}</span>}
    </p>
  );
}

function words([a = "", b = "", ...more]: readonly string[]): string {
  if (more.length > 0) return t("typing.many");
  return b ? t("typing.two", { a, b }) : t("typing.one", { a });
}
