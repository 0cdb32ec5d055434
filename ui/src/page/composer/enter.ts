// Which Enter means "send". One that ends a composition never does.

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

export function isPlainEnter(e: KeyboardEvent): boolean {
  if (e.key !== "Enter" || e.shiftKey || e.ctrlKey || e.altKey || e.metaKey) return false;
  // 229: the key went to the input method, whatever isComposing says.
  return !e.isComposing && e.keyCode !== 229;
}

// useComposition tells whether a composition ended in this very task. Safari ends the
// composition first and sends the Enter that ended it after, as if it were an ordinary
// one. Both come in one task; a real Enter comes in a later one.
export function useComposition(field: RefObject<HTMLElement | null>): () => boolean {
  const composed = useRef(false);
  useEffect(() => {
    const ended = () => {
      composed.current = true;
      setTimeout(() => (composed.current = false));
    };
    const el = field.current;
    el?.addEventListener("compositionend", ended);
    return () => el?.removeEventListener("compositionend", ended);
  }, []);
  return () => composed.current;
}
