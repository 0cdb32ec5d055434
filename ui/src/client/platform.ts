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

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly retryAfter?: number; // seconds, from Retry-After
}

export interface Platform {
  now(): number; // milliseconds
  random(): number; // 0 ≤ x < 1
  newID(): string;
  timer(ms: number, fn: () => void): () => void; // returns its cancel
  dial(url: string, protocol: string, events: SocketEvents): Socket;
  get(url: string): Promise<Answer>; // rejects when there is no answer
}
