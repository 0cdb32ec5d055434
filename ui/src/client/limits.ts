// The protocol's limits on what people write, applied before it is sent.

export const maxName = 32;
export const maxText = 4000;

// cleanName cuts a display name to what the server would keep of it.
export function cleanName(name: string): string {
  const plain = name.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Surrogate}]/gu, "").trim();
  return [...plain].slice(0, maxName).join("").trim();
}

// cleanText takes off what nobody means to send: blank ends, NUL, halves of characters.
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/\u0000/g, "")
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .replace(/^(?:[^\S\n]*\n)+|\s+$/g, "");
}

// overLimit says by how many characters a text is too long; 0 when it fits.
// The limit in bytes needs no look: 4,000 characters of four bytes are within it.
export function overLimit(text: string): number {
  return Math.max(0, [...text].length - maxText);
}

// isRoomName says whether a name can be a room's; the server has the last word.
export function isRoomName(name: string): boolean {
  const canonical = name.normalize("NFC");
  return /^[\p{L}\p{M}\p{Nd}_-][\p{L}\p{M}\p{Nd}._-]*$/u.test(canonical) && [...canonical].length <= 64;
}

// canonicalRoom gives the one spelling of a room's name, from a name or from the segment
// of a path; "" when it can't be one.
export function canonicalRoom(spelling: string): string {
  let name = spelling;
  try {
    name = decodeURIComponent(spelling);
  } catch {
    // A stray "%" is no encoding, nor a room's name.
  }
  return isRoomName(name) ? name.normalize("NFC").toLowerCase().normalize("NFC") : "";
}
