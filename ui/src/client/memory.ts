// What this device remembers without a server: who I am, and my rooms.

import { isObject } from "./json.js";
import type { Platform, Storage } from "./platform.js";
import { myRoomOf, parseAuthor, type Author, type MyRoom } from "./protocol.js";

const key = "mine";
const delay = 1_000;

export interface Mine {
  readonly me: Author | null;
  readonly rooms: readonly MyRoom[];
}

export class Memory {
  private timer: (() => void) | null = null;

  // mine gives what is to be remembered, when it is written down.
  constructor(private readonly platform: Platform, private readonly mine: () => Mine) {}

  recall(): Promise<Mine> {
    return recall(this.platform.storage);
  }

  // soon writes it down in a moment, however often it is called until then.
  soon(): void {
    this.timer ??= this.platform.timer(delay, () => this.now());
  }

  now(): void {
    this.timer?.();
    this.timer = null;
    void this.platform.storage.put(key, this.mine());
  }
}

// recall is what was remembered in a storage, for a page that has no client.
export async function recall(storage: Storage): Promise<Mine> {
  const v = await storage.get(key);
  if (!isObject(v)) return { me: null, rooms: [] };
  return { me: parseAuthor(v.me), rooms: Array.isArray(v.rooms) ? v.rooms.map(myRoomOf).filter((r) => r !== null) : [] };
}
