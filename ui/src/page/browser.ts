// The browser, as src/client wants to see it.

import type { Answer, Platform, Request, Socket, SocketEvents, StreamEvents } from "../client/platform.js";
import { storage } from "./storage.js";

const fetchTimeout = 15_000;

// browser gives the platform of the page. base is the path that the server runs under;
// each has a storage of its own.
export function browser(base: string): Platform {
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    newID,
    timer(ms, fn) {
      const id = setTimeout(fn, ms);
      return () => clearTimeout(id);
    },
    dial,
    fetch: ask,
    stream,
    storage: storage(base),
  };
}

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

async function ask(url: string, request: Request = {}): Promise<Answer> {
  const { method = "GET", body, id, keepalive = false } = request;
  const res = await fetch(url, {
    method,
    keepalive,
    cache: "no-store",
    headers: { ...(body !== undefined && { "Content-Type": "application/json" }), ...(id !== undefined && { "Idempotency-Key": id }) },
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(fetchTimeout),
  });
  const text = await res.text();
  const retryAfter = retryAfterOf(res);
  return { status: res.status, body: text, ...(retryAfter !== undefined && { retryAfter }) };
}

// stream reads an answer while it comes. It has no timeout: who reads it knows how long
// it may be silent.
function stream(url: string, accept: string, events: StreamEvents): () => void {
  const abort = new AbortController();
  const run = async () => {
    const res = await fetch(url, { cache: "no-store", headers: { Accept: accept }, signal: abort.signal });
    if (!abort.signal.aborted) events.opened(res.status, retryAfterOf(res));
    const reader = res.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done = true, value } = (await reader?.read()) ?? {};
      if (abort.signal.aborted || done) return;
      if (value) events.data(value);
    }
  };
  run().then(
    () => !abort.signal.aborted && events.closed(true),
    () => !abort.signal.aborted && events.closed(false),
  );
  return () => abort.abort();
}

function retryAfterOf(res: Response): number | undefined {
  const header = res.headers.get("Retry-After");
  const seconds = header === null ? NaN : Number(header);
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
