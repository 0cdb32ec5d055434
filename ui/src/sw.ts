// The service worker: with no network, or one that doesn't answer, a room's page is still
// there; the client then shows what this device has kept and sends what is written later.
// It keeps the page itself and nothing that anybody said: events are the client's.

// This file is checked apart from the page (tsconfig.sw.json): it lives in another world.
declare const self: ServiceWorkerGlobalScope;

// How long a room's page may take before the kept one is shown in its place.
const patience = 2500;

const base = new URL(self.registration.scope).pathname; // ends in "/"
const version = new URL(self.location.href).searchParams.get("v") ?? "";
const prefix = `teahouse ${base} `;
const cacheName = prefix + version;

const shell = base + "shell";
const pages = [shell, base];
const files = ["app.js", "app.css", "emoji.js", "icon.svg", "icon-192.png"].map((f) => `${base}static/${f}?v=${version}`);

self.addEventListener("install", (e) => {
  e.waitUntil(keep([...files, ...pages]).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (e) => {
  e.waitUntil(dropOthers().then(() => self.clients.claim()));
});

self.addEventListener("message", (e) => {
  if (e.data === "refresh") e.waitUntil(keep(pages));
});

self.addEventListener("fetch", (e) => {
  const { request } = e;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (url.pathname.startsWith(base + "room/")) e.respondWith(page(request, shell, patience));
    // An old lobby isn't worth more than a slow one: it shows rooms of that day.
    else if (url.pathname === base) e.respondWith(page(request, base, null));
  } else if (url.pathname.startsWith(base + "static/") && url.searchParams.get("v") === version) {
    e.respondWith(file(request));
  }
});

self.addEventListener("notificationclick", (e) => {
  e.notification.close();
  const url: unknown = e.notification.data;
  if (typeof url === "string") e.waitUntil(show(url));
});

async function keep(urls: readonly string[]): Promise<void> {
  const cache = await caches.open(cacheName);
  await cache.addAll(urls.map((url) => new Request(url, { cache: "no-cache" })));
}

async function dropOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((n) => n.startsWith(prefix) && n !== cacheName).map((n) => caches.delete(n)));
}

// page asks the network first. One that fails, or takes too long, loses to what is kept.
async function page(request: Request, spare: string, patience: number | null): Promise<Response> {
  const answer = fetch(request);
  // A proxy's word that the house is away is no better than none.
  const tries = [answer.then((r) => (r.status >= 502 && r.status <= 504 ? null : r), () => null)];
  if (patience !== null) tries.push(new Promise((resolve) => setTimeout(resolve, patience, null)));
  const first = await Promise.race(tries);
  return first ?? (await kept(spare)) ?? answer;
}

async function file(request: Request): Promise<Response> {
  const found = await kept(request);
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(cacheName)).put(request, answer.clone());
  return answer;
}

// What varies by language or origin varies for others: here is one of each.
async function kept(what: Request | string): Promise<Response | undefined> {
  return (await caches.open(cacheName)).match(what, { ignoreVary: true });
}

async function show(url: string): Promise<void> {
  const windows = await self.clients.matchAll({ type: "window" });
  const open = windows.find((w) => w.url.startsWith(url.replace(/#.*$/, ""))) ?? windows[0];
  if (!open) {
    await self.clients.openWindow(url);
    return;
  }
  await open.navigate(url).catch(() => null);
  await open.focus();
}

export {};
