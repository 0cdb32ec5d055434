// The lobby's form works without script; this only says at once what the server would.

import { isRoomName } from "../client/limits.js";
import { byID, setText } from "./dom.js";

export function lobby(): void {
  const input = byID("room", HTMLInputElement);
  const rule = byID("rule", HTMLElement);
  const text = rule.textContent ?? "";
  input.addEventListener("input", () => {
    const name = input.value.trim();
    const bad = name !== "" && !isRoomName(name);
    rule.classList.toggle("bad", bad);
    input.setAttribute("aria-invalid", String(bad));
    setText(rule, bad ? `${rule.dataset.bad} ${text}` : text);
  });
}
