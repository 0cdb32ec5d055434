import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n.js";
import { nickname, rename } from "../self.js";
import { toComposer } from "../view.js";

export interface NameInputProps {
  readonly id: string;
  readonly done?: () => void;
}

// NameInput is one's name. It is taken when the field is left: every letter of it would
// be a change that others see.
export function NameInput({ id, done }: NameInputProps) {
  const ref = useRef<HTMLInputElement>(null);
  const name = nickname.value;
  // Set by hand, so that a drawing in between doesn't undo what is half written.
  useLayoutEffect(() => {
    if (ref.current) ref.current.value = name;
  }, [name]);
  return (
    <input
      ref={ref}
      id={id}
      name={id === "name" ? "name" : undefined}
      dir="auto"
      maxLength={64}
      placeholder={t("room.namePlaceholder")}
      autocomplete="nickname"
      autocapitalize="off"
      spellcheck={false}
      enterkeyhint="done"
      onChange={(e) => {
        rename(e.currentTarget.value);
        e.currentTarget.value = nickname.value;
      }}
      onKeyDown={(e) => {
        if (e.key !== "Enter" || e.isComposing || e.keyCode === 229) return;
        // Not the form's Enter: it would send what stands in the other field.
        e.preventDefault();
        e.currentTarget.blur();
        done?.();
      }}
    />
  );
}

export function NameField() {
  return (
    <label class="name">
      <span>{t("room.name")}</span>
      <NameInput id="name" done={toComposer} />
    </label>
  );
}
