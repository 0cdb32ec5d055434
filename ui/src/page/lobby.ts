// The lobby's form works without script; this only says at once what the server would.

import { isRoomName } from "../client/limits.js";

export function lobby(): void {
  const input = document.querySelector<HTMLInputElement>("#room");
  const rule = document.querySelector<HTMLElement>("#rule");
  if (!input || !rule) return;
  const text = rule.textContent ?? "";
  input.addEventListener("input", () => {
    const name = input.value.trim();
    const bad = name !== "" && !isRoomName(name);
    rule.classList.toggle("bad", bad);
    input.setAttribute("aria-invalid", String(bad));
    const words = bad ? `${rule.dataset.bad} ${text}` : text;
    if (rule.textContent !== words) rule.textContent = words;
  });
}
