// A soft ting, as of a lid on a cup. Off until somebody wants it.

import { signal } from "@preact/signals";
import { kept } from "../store.js";

export const sound = signal(kept.sound.get() === "on");

let context: AudioContext | null = null;

// setSound plays it once: the click lets the page make sounds, and one hears what it is.
export function setSound(on: boolean): void {
  sound.value = on;
  kept.sound.set(on ? "on" : "");
  if (on) ting();
}

// Two partials of a small bell, gone within half a second. A page that was never clicked
// may not make a sound; then there is none.
export function ting(): void {
  if (!sound.value) return;
  context ??= new AudioContext();
  void context.resume().catch(() => {});
  const now = context.currentTime;
  for (const [frequency, volume, length] of [
    [1318, 0.08, 0.45],
    [3520, 0.02, 0.2],
  ] as const) {
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0, now);
    gain.gain.linearRampToValueAtTime(volume, now + 0.008);
    gain.gain.exponentialRampToValueAtTime(0.0001, now + length);
    tone.connect(gain).connect(context.destination);
    tone.start(now);
    tone.stop(now + length);
  }
}
