// What the client needs of the world it runs in. The page gives the browser's,
// the tests give one whose time and network they hold in their hands; so nothing
// in this folder names a browser, and tsconfig.client.json proves it by having no DOM.

export interface Socket {
  send(data: string): void;
  close(): void;
}

export interface SocketEvents {
  message(data: string): void;
  // code is the close code; 1006 when there was no close frame.
  closed(code: number): void;
}

export interface Request {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"; // GET when there is none
  readonly body?: string; // JSON
  readonly id?: string; // sent as Idempotency-Key
  readonly keepalive?: boolean; // outlives the page that is being left
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfter?: number; // seconds, from Retry-After
}

// StreamEvents tell of an answer that is read while it comes. After closed there is nothing more.
export interface StreamEvents {
  opened(status: number, retryAfter: number | undefined): void;
  data(text: string): void;
  // whole: the answer came to its end; else it broke off, or there never was one.
  closed(whole: boolean): void;
}

// Storage keeps values by key, in what all tabs of this browser share. Values are what
// structured clone can copy. It may be full, or not there at all in a private window:
// then it keeps them as long as it can, and rejects nothing.
export interface Storage {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  list(prefix: string): Promise<readonly unknown[]>; // values, by key in order
}

export interface Platform {
  now(): number; // milliseconds
  random(): number; // 0 ≤ x < 1
  newID(): string;
  timer(ms: number, fn: () => void): () => void; // returns its cancel
  dial(url: string, protocol: string, events: SocketEvents): Socket;
  fetch(url: string, request?: Request): Promise<Answer>; // rejects when there is no answer
  stream(url: string, accept: string, events: StreamEvents): () => void; // returns its cancel
  readonly storage: Storage;
}
