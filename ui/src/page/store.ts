// What the page remembers between visits. Storage may be full, or forbidden in a
// private window; then it remembers nothing and works all the same.

const prefix = "teahouse.";

interface Kept {
  get(): string | null;
  set(value: string): void; // "" forgets
  changed(fn: (value: string | null) => void): void; // by another tab
}

function keep(key: string): Kept {
  return {
    get() {
      try {
        return localStorage.getItem(prefix + key);
      } catch {
        return null;
      }
    },
    set(value) {
      try {
        if (value === "") localStorage.removeItem(prefix + key);
        else localStorage.setItem(prefix + key, value);
      } catch {
        // Nothing to do: see above.
      }
    },
    changed(fn) {
      addEventListener("storage", (e) => e.key === prefix + key && fn(e.newValue));
    },
  };
}

export const kept = {
  nickname: keep("name"),
  hue: keep("hue"),
  sound: keep("sound"), // "on"
  panel: keep("panel"), // "closed"
  emoji: keep("emoji"), // how often each was used, as JSON
  language: keep("lang"), // of the page that is kept for offline
};

// A draft is one room's, of the house under this base path, and outlives the tab.
export function draftOf(base: string, room: string): Kept {
  return keep(`draft.${base ? base + "." : ""}${room}`);
}
