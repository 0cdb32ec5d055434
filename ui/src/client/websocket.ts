// The link that is a WebSocket: /ws, one socket for many rooms.

import type { Link, LinkEvents, Opener } from "./link.js";
import type { Platform } from "./platform.js";
import { encode, parseFrame, subprotocol } from "./protocol.js";
import type { URLs } from "./urls.js";

export function webSocketOpener(platform: Platform, urls: URLs): Opener {
  return ({ guise }, events): Link => {
    let open = true;
    const socket = platform.dial(urls.socket(guise), subprotocol, {
      message: (data) => open && received(data, events),
      closed: (code) => {
        if (!open) return;
        open = false;
        events.closed(code);
      },
    });
    return {
      send: (frame) => {
        socket.send(encode(frame));
        return true;
      },
      close: () => {
        open = false;
        socket.close();
      },
    };
  };
}

function received(data: string, events: LinkEvents): void {
  events.heard();
  const frame = parseFrame(data);
  if (frame) events.frame(frame);
}
