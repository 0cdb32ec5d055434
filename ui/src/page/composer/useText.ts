// The text that one writes: a draft for each room, set aside while a message is edited.

import { effect } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { roomName } from "../here.js";
import { base } from "../place.js";
import { draftOf } from "../store.js";
import { mode } from "../view.js";

// A draft is written so long after the last letter, and when the page is left.
const draftDelay = 300;

export interface Text {
  changed(): void; // the field has another text
  sent(): void; // the draft is done
  insert(text: string): void; // at the caret
}

export function useText(field: RefObject<HTMLTextAreaElement | null>, typed: string, shown: (text: string) => void): Text {
  const saved = useRef({ room: "", edits: 0, timer: undefined as ReturnType<typeof setTimeout> | undefined });

  const save = () => {
    clearTimeout(saved.current.timer);
    saved.current.timer = undefined;
    if (field.current && saved.current.edits === 0 && saved.current.room) draftOf(base, saved.current.room).set(field.current.value);
  };
  const put = (text: string) => {
    if (!field.current) return;
    field.current.value = text;
    shown(text);
  };
  const changed = () => {
    shown(field.current?.value ?? "");
    clearTimeout(saved.current.timer);
    saved.current.timer = setTimeout(save, draftDelay);
  };

  // Another room: its draft. What was typed before the script ran follows the first.
  useNow(() => {
    const next = roomName.value;
    const was = saved.current;
    if (next === "" || next === was.room) return;
    if (was.timer !== undefined) save();
    const first = was.room === "";
    was.room = next;
    was.edits = 0;
    const draft = draftOf(base, next).get() ?? "";
    put(first && typed && typed !== draft ? [draft, typed].filter(Boolean).join("\n") : draft);
    if (first && typed) changed();
  });

  // Editing: the message's text, and the draft again afterwards.
  useNow(() => {
    const m = mode.value;
    const was = saved.current;
    const offset = m.kind === "edit" ? m.message.offset : 0;
    if (offset === was.edits) return;
    if (was.timer !== undefined) save();
    was.edits = offset;
    put(m.kind === "edit" ? m.message.text : (draftOf(base, was.room).get() ?? ""));
    field.current?.setSelectionRange(field.current.value.length, field.current.value.length);
  });

  useEffect(() => {
    // Only what was written here: another tab may have its own by now.
    const left = () => saved.current.timer !== undefined && save();
    const hidden = () => document.visibilityState === "hidden" && left();
    addEventListener("pagehide", left);
    document.addEventListener("visibilitychange", hidden);
    return () => {
      removeEventListener("pagehide", left);
      document.removeEventListener("visibilitychange", hidden);
    };
  }, []);

  return {
    changed,
    sent() {
      put("");
      save();
    },
    insert(text) {
      const el = field.current;
      if (!el) return;
      el.setRangeText(text, el.selectionStart, el.selectionEnd, "end");
      changed();
    },
  };
}

// useNow runs an effect in the very moment, where useSignalEffect waits for a frame: the
// field must not show the wrong text in between.
function useNow(run: () => void): void {
  useLayoutEffect(() => effect(run), []);
}
