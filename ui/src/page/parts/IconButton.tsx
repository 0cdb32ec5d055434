import type { ComponentChildren, TargetedMouseEvent } from "preact";
import { Icon, type IconName } from "./Icon.js";

export interface IconButtonProps {
  readonly icon: IconName;
  readonly label: string; // for the ear, and as a title
  readonly onClick: (e: TargetedMouseEvent<HTMLButtonElement>) => void;
  readonly id?: string;
  readonly action?: string; // data-action
  readonly expanded?: boolean;
  readonly controls?: string;
  readonly class?: string;
  readonly tabIndex?: number;
  readonly children?: ComponentChildren; // a badge
}

// IconButton is a button that shows no words, and so has to say them.
export function IconButton(p: IconButtonProps) {
  return (
    <button
      type="button"
      id={p.id}
      class={"icon-button " + (p.class ?? "")}
      data-action={p.action}
      aria-label={p.label}
      title={p.label}
      aria-expanded={p.expanded}
      aria-controls={p.controls}
      tabIndex={p.tabIndex}
      onClick={p.onClick}
    >
      <Icon name={p.icon} />
      {p.children}
    </button>
  );
}
