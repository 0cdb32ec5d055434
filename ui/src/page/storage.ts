// What this browser keeps of the rooms: one store of IndexedDB, shared by all tabs. Where
// there is none, in a private window say, or where it is full, memory stands in for it.

import type { Storage } from "../client/platform.js";

const store = "kept";
// A database that another tab blocks may never open.
const openTimeout = 3_000;

export function storage(base: string): Storage {
  const name = "teahouse" + base;
  const memory = new Map<string, unknown>();
  let opened: Promise<IDBDatabase | null> | null = null;

  // run makes one request in a transaction of its own; undefined when that can't be.
  const run = async <T>(mode: IDBTransactionMode, ask: (s: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> => {
    opened ??= open(name, () => (opened = null)).catch(() => (opened = null));
    const db = await opened;
    if (!db) return undefined;
    try {
      return await done(ask(db.transaction(store, mode).objectStore(store)), mode);
    } catch (err) {
      // A connection that the browser has closed is opened anew the next time.
      if (err instanceof DOMException && err.name === "InvalidStateError") opened = null;
      return undefined;
    }
  };

  return {
    get: async (key) => (memory.has(key) ? memory.get(key) : run("readonly", (s) => s.get(key))),
    async put(key, value) {
      const written = await run("readwrite", (s) => s.put(value, key));
      if (written === undefined) memory.set(key, value);
      else memory.delete(key);
    },
    async delete(key) {
      memory.delete(key);
      await run("readwrite", (s) => s.delete(key));
    },
    async list(prefix) {
      const range = IDBKeyRange.bound(prefix, prefix + "\uffff");
      const kept = (await run("readonly", (s) => s.getAll(range) as IDBRequest<unknown[]>)) ?? [];
      const own = [...memory].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value);
      return [...kept, ...own];
    },
  };
}

function open(name: string, closed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(store);
    request.onsuccess = () => {
      const db = request.result;
      // A later version of the page needs it: this one makes do with memory.
      db.onversionchange = () => db.close();
      db.onclose = closed;
      resolve(db);
    };
    request.onerror = () => reject(request.error ?? new Error("open " + name));
    setTimeout(() => reject(new Error("open " + name + ": timeout")), openTimeout);
  });
}

// done waits for a request, and when it writes for the transaction, too: only then it is
// kept. It is committed at once: a page that is being left may get no further turn.
function done<T>(request: IDBRequest<T>, mode: IDBTransactionMode): Promise<T> {
  return new Promise((resolve, reject) => {
    const tx = request.transaction;
    request.onsuccess = () => (mode === "readonly" || !tx) && resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("storage"));
    if (!tx) return;
    if (mode === "readwrite") tx.commit();
    tx.oncomplete = () => resolve(request.result);
    tx.onabort = () => reject(tx.error ?? new Error("storage"));
  });
}
