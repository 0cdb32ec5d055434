import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { drawer, wide } from "../view.js";

export interface ColumnProps {
  readonly id: string;
  readonly name: "rooms" | "panel";
  readonly label: string;
  readonly open: boolean; // on a wide page
  readonly children: ComponentChildren;
}

// Column stands beside the feed on a wide page. On a narrow one it is a drawer over it:
// the rest of the page is inert meanwhile, Escape closes it, and the focus goes back to
// where it came from.
export function Column({ id, name, label, open, children }: ColumnProps) {
  const ref = useRef<HTMLDivElement>(null);
  const drawn = !wide.value && drawer.value === name;
  useEffect(() => {
    if (!drawn) return;
    const back = document.activeElement;
    ref.current?.focus();
    return () => {
      if (back instanceof HTMLElement && back.isConnected) back.focus();
    };
  }, [drawn]);
  const shown = wide.value ? open : drawn;
  return (
    <>
      {drawn && <div class="shade" onClick={() => (drawer.value = null)} />}
      <div
        ref={ref}
        id={id}
        class={"column " + (name === "rooms" ? "left" : "right")}
        hidden={!shown}
        tabIndex={-1}
        aria-label={label}
        role={drawn ? "dialog" : "complementary"}
        aria-modal={drawn || undefined}
        onKeyDown={(e) => {
          if (drawn && e.key === "Escape") drawer.value = null;
        }}
      >
        {children}
      </div>
    </>
  );
}
