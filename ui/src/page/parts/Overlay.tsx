import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { overlay, wide, type Anchor } from "../view.js";

export interface OverlayProps {
  readonly id: string;
  readonly label: string;
  readonly anchor?: Anchor | null; // where it stands on a wide page; none: in the middle
  readonly children: ComponentChildren;
}

// Overlay is a <dialog>: the browser keeps the focus in, gives it back, and closes it by
// Escape; a click beside it closes it too. By its button on a desk, a sheet on a phone.
export function Overlay({ id, label, anchor, children }: OverlayProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const placed = wide.value && anchor ? anchor : null;
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (!dialog) return;
    const first = dialog.querySelector<HTMLElement>("[data-first]");
    // Without one the dialog itself: a search field would open the keyboard of a phone.
    dialog.autofocus = !first;
    dialog.showModal();
    first?.focus();
    return () => dialog.close();
  }, []);
  useLayoutEffect(() => {
    if (ref.current && placed) place(ref.current, placed);
  });
  return (
    <dialog
      ref={ref}
      id={id}
      class={"overlay " + (placed ? "placed" : anchor === undefined ? "middle" : "sheet")}
      tabIndex={-1}
      aria-label={label}
      onCancel={(e) => (e.preventDefault(), closeOverlay())}
      onClick={(e) => e.target === e.currentTarget && closeOverlay()}
    >
      {children}
    </dialog>
  );
}

export function closeOverlay(): void {
  overlay.value = null;
}

// place puts the dialog under its button, or over it where there is more room, and
// always within the page.
function place(dialog: HTMLElement, { top, bottom, right }: Anchor): void {
  const gap = 6;
  const { offsetWidth: w, offsetHeight: h } = dialog;
  const below = bottom + gap + h <= innerHeight - gap;
  const y = below ? bottom + gap : Math.max(gap, top - gap - h);
  const x = Math.min(Math.max(gap, right - w), innerWidth - w - gap);
  dialog.style.top = `${Math.min(y, innerHeight - h - gap)}px`;
  dialog.style.left = `${x}px`;
}
