import { useSignal } from "@preact/signals";
import { t } from "../i18n.js";
import { copy } from "../parts/clipboard.js";
import { base } from "../place.js";
import { called } from "../self.js";

// Pass makes a link by which another device becomes the same guest: its rooms, what was
// read there, and what one may edit.
export function Pass() {
  const link = useSignal("");
  const failed = useSignal(false);
  const make = async () => {
    const made = await ask().catch(() => "");
    failed.value = made === "";
    link.value = made;
  };
  if (link.value === "") {
    return (
      <div class="pass">
        <button type="button" class="quiet" id="make-pass" onClick={() => void make()}>
          {t("pass.make")}
        </button>
        {failed.value && <p class="hint bad" role="alert">{t("pass.failed")}</p>}
      </div>
    );
  }
  return (
    <div class="pass">
      <label class="setting">
        <span class="label">{t("pass.link")}</span>
        <input id="pass-link" readonly value={link.value} dir="ltr" onFocus={(e) => e.currentTarget.select()} />
      </label>
      <button type="button" class="quiet" onClick={() => void copy(link.value)}>
        {t("pass.copy")}
      </button>
      <p class="hint">{t("pass.hint")}</p>
    </div>
  );
}

// ask gets a link from the server; "" when it gives none.
async function ask(): Promise<string> {
  const answer = await fetch(`${base}/me/passes?name=${encodeURIComponent(called())}`, { method: "POST" });
  if (answer.status !== 201) return "";
  const { path } = (await answer.json()) as { path?: unknown };
  return typeof path === "string" ? location.origin + path : "";
}
