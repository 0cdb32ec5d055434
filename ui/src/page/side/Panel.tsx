import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { t, type Key } from "../i18n.js";
import { IconButton } from "../parts/IconButton.js";
import { togglePanel } from "../view.js";
import { PeopleTab } from "./PeopleTab.js";

interface Tab {
  readonly id: string;
  readonly label: Key;
  readonly draw: () => ComponentChildren;
}

// The panel's tabs, in their order. Another is a line here.
const tabs: readonly Tab[] = [{ id: "people", label: "panel.people", draw: () => <PeopleTab /> }];

export function Panel() {
  const at = useSignal(0);
  const tab = tabs[at.value] ?? tabs[0];
  return (
    <>
      <div class="column-head">
        <div class="tabs" role="tablist" aria-label={t("panel.label")} onKeyDown={(e) => turn(e, at)}>
          {tabs.map(({ id, label }, i) => (
            <button
              key={id}
              type="button"
              role="tab"
              id={`tab-${id}`}
              aria-selected={i === at.value}
              aria-controls={`tabpanel-${id}`}
              tabIndex={i === at.value ? 0 : -1}
              onClick={() => (at.value = i)}
            >
              {t(label)}
            </button>
          ))}
        </div>
        <IconButton icon="close" label={t("panel.close")} action="close-panel" onClick={togglePanel} />
      </div>
      {tab && (
        <div class="tabpanel" role="tabpanel" id={`tabpanel-${tab.id}`} aria-labelledby={`tab-${tab.id}`}>
          {tab.draw()}
        </div>
      )}
    </>
  );
}

// turn goes through the tabs by the arrow keys, as one is used to.
function turn(e: KeyboardEvent & { readonly currentTarget: HTMLElement }, at: { value: number }): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
  if (step === undefined) return;
  e.preventDefault();
  at.value = (at.value + step + tabs.length) % tabs.length;
  e.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[at.value]?.focus();
}
