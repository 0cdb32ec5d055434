// A link is one way to speak teahouse.v1 with the server. There are three: a WebSocket,
// a stream of events with commands by HTTP, and a long poll with the same. Who uses one
// doesn't know which it is.

import type { ClientFrame, ServerFrame } from "./protocol.js";
import type { Cursor, Guise } from "./urls.js";

export type By = "websocket" | "stream" | "poll";

export const closeCodes = { lost: 1006, overloaded: 1013, whoAreYou: 4401, notAllowed: 4403 } as const;

export interface Link {
  // send gives a frame to be sent; false when the link can't. What is sent may still be
  // lost: only an answer says that it arrived. An HTTP link answers as a socket would.
  send(frame: ClientFrame): boolean;
  // close ends the link without a further call to its events.
  close(): void;
}

export interface LinkEvents {
  // frame tells what came, hello first. Once closed was called there is nothing more.
  frame(frame: ServerFrame): void;
  // heard tells a sign of life that is no frame.
  heard(): void;
  // retryAfter is in seconds, when the server said it.
  closed(code: number, retryAfter?: number): void;
}

// A Target is what a link is opened for. A socket asks nothing but the guise, since rooms
// are joined over it; the others follow one room, and are open when its events can come.
export interface Target {
  readonly guise: Guise;
  readonly room: string;
  readonly cursor: Cursor;
}

export type Opener = (target: Target, events: LinkEvents) => Link;
