// What the page sees of the client, but for App itself.

import type { State as ConnectionState } from "./connection.js";
import type { Platform } from "./platform.js";
import type { Author, Level } from "./protocol.js";
import type { Notice, RoomEntry } from "./rooms.js";
import type { RoomState } from "./state.js";

export { mentionName, mentions, type Node } from "./body.js";
export type { State as ConnectionState } from "./connection.js";
export { canonicalRoom, cleanName, cleanText, isRoomName, maxName, maxText, overLimit } from "./limits.js";
export type { Message } from "./message.js";
export type { Answer, Platform, Request, Socket, SocketEvents, Storage, StreamEvents } from "./platform.js";
export type { Author, Emoji, Level, Reaction } from "./protocol.js";
export type { Notice, RoomEntry } from "./rooms.js";
export { quotedMessage, type Pending, type PendingStatus, type RoomState } from "./state.js";
export { URLs } from "./urls.js";
export { maxRows, type Line, type Row } from "./window.js";

export interface AppState {
  readonly me: Author | null;
  readonly connection: ConnectionState;
  readonly room: RoomState | null; // the open one
  readonly rooms: readonly RoomEntry[]; // mine, the open one included; newest message first
}

// What the server put into the page.
export interface Boot {
  readonly me: Author;
  readonly page: unknown; // checked before it is used
  readonly read: number;
  readonly level: Level;
}

export interface AppOptions {
  readonly platform: Platform;
  readonly origin: string; // http://host
  readonly base: string; // "" or "/chat"
  readonly boot: Boot | null;
  readonly name: string; // as others see it
  readonly hue: number | null;
  readonly changed: (state: AppState) => void; // called often
  readonly notice: (notice: Notice) => void;
}
