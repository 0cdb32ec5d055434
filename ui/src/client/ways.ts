// The ways to the server, from the best to the one that always works.

import { httpOpener, type HTTPOptions } from "./http.js";
import type { By, Opener } from "./link.js";
import { Poll, pollPing } from "./poll.js";
import { Stream, streamPing } from "./stream.js";
import { webSocketOpener } from "./websocket.js";

export function ways(o: HTTPOptions): Readonly<Record<By, Opener>> {
  return {
    websocket: webSocketOpener(o.platform, o.urls),
    stream: httpOpener(o, (o, events) => new Stream(o, events), streamPing),
    poll: httpOpener(o, (o, events) => new Poll(o, events), pollPing),
  };
}
