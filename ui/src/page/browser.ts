// The browser, as src/client wants to see it.

import type { Answer, Platform, Socket, SocketEvents } from "../client/platform.js";

const getTimeout = 15_000;

export const browser: Platform = {
  now: () => Date.now(),
  random: () => Math.random(),
  newID,
  timer(ms, fn) {
    const id = setTimeout(fn, ms);
    return () => clearTimeout(id);
  },
  dial,
  get,
};

// newID makes do without crypto.randomUUID, which plain http:// pages on a LAN lack.
function newID(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "c-" + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

function dial(url: string, protocol: string, events: SocketEvents): Socket {
  const ws = new WebSocket(url, protocol);
  ws.onmessage = (e) => {
    if (typeof e.data === "string") events.message(e.data);
  };
  ws.onclose = (e) => events.closed(e.code);
  return {
    // A socket that is closing loses what it is given; the outbox sends it again.
    send: (data) => void (ws.readyState === WebSocket.OPEN && ws.send(data)),
    close: () => ws.close(),
  };
}

async function get(url: string): Promise<Answer> {
  const res = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(getTimeout) });
  const retryAfter = Number(res.headers.get("Retry-After") ?? NaN);
  const body = await res.text();
  return { status: res.status, body, ...(Number.isFinite(retryAfter) && { retryAfter }) };
}
