import { useSignalEffect } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import { connection, me, room } from "../here.js";
import { stateWords } from "../bar/State.js";
import { labelOf } from "../feed/label.js";

// Announcer tells a screen reader, politely, what the log doesn't by what is added to it:
// how the connection stands, once it has stood at all, and that a post has failed.
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
  useFailures(setWords);
  return (
    <p class="unseen" role="status">
      {words}
    </p>
  );
}

// useFailures says each failure of a post once. Its words go when it is tried again: the
// same ones would be no news.
function useFailures(say: (words: string) => void): void {
  const told = useRef(new Set<string>());
  useSignalEffect(() => {
    for (const post of room.value?.pending ?? []) {
      const failed = post.status.kind === "failed";
      if (failed && !told.current.has(post.id)) {
        told.current.add(post.id);
        say(labelOf(post, me.value ?? { id: "", name: "" }, null));
      } else if (!failed && told.current.delete(post.id)) say("");
    }
  });
}
