import { cleanName, type Author } from "../client/app.js";

// A colour for an author: the one they chose, else one that comes from the id and so is
// the same for everybody. Only the hue is chosen; app.css gives it a lightness that is
// readable in light and dark.

// Hues far enough from each other to tell people apart, a dozen of them.
const hues = 12;

export const choices: readonly number[] = Array.from({ length: hues }, (_, i) => (i * 360) / hues);

export function hueOf(author: Author): number {
  return author.hue ?? hueOfID(author.id);
}

function hueOfID(id: string): number {
  let h = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  // The low bits of FNV differ too little for short ids: fold the high ones in.
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (((h ^ (h >>> 13)) >>> 0) % hues) * (360 / hues);
}

// sealOf is the sign on an author's seal: the first character as people count them.
export function sealOf(name: string): string {
  const first = segments.segment(cleanName(name))[Symbol.iterator]().next();
  return first.done ? "·" : first.value.segment.toLocaleUpperCase();
}

const segments = new Intl.Segmenter();
