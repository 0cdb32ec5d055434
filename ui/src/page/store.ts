// What the page remembers between visits. Storage may be full, or forbidden in a
// private window; then it remembers nothing and works all the same.

const prefix = "teahouse.";

function read(store: () => Storage, key: string): string | null {
  try {
    return store().getItem(prefix + key);
  } catch {
    return null;
  }
}

function write(store: () => Storage, key: string, value: string): void {
  try {
    if (value === "") store().removeItem(prefix + key);
    else store().setItem(prefix + key, value);
  } catch {
    // Nothing to do: see above.
  }
}

// The nickname is for all rooms and visits, a draft for one room in this tab.
export const nickname = {
  get: () => read(() => localStorage, "name"),
  set: (name: string) => write(() => localStorage, "name", name),
};

export function draftOf(room: string) {
  return {
    get: () => read(() => sessionStorage, "draft." + room) ?? "",
    set: (text: string) => write(() => sessionStorage, "draft." + room, text),
  };
}
