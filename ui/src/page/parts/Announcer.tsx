import { useSignalEffect } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import { connection } from "../here.js";
import { stateWords } from "../bar/State.js";

// Announcer tells a screen reader, politely, what changes outside of the log: how the
// connection stands, once it has stood at all.
export function Announcer() {
  const [words, setWords] = useState("");
  const was = useRef("connecting");
  useSignalEffect(() => {
    const c = connection.value;
    // The second and third attempt are no news.
    const news = c.kind !== "connecting" && c.kind !== was.current;
    if (news && was.current !== "connecting") setWords(stateWords(c));
    if (c.kind !== "connecting" || was.current === "connecting") was.current = c.kind;
  });
  return (
    <p class="unseen" role="status">
      {words}
    </p>
  );
}
