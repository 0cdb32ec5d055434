import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { failure } from "../here.js";
import { problem, t } from "../i18n.js";
import { say, toast } from "../view.js";

// Toast says in passing what happened, and reads it out: it is always there, and only its
// words come and go.
export function Toast() {
  const told = useRef(0);
  useSignalEffect(() => {
    const f = failure.value;
    if (!f || f.n === told.current) return;
    told.current = f.n;
    say(problem(f.code) ?? t("act.failed"), true);
  });
  const now = toast.value;
  return (
    <p id="toast" class={"toast" + (now?.bad ? " bad" : "")} role="status" data-shown={now !== null}>
      {now?.text}
    </p>
  );
}
