// The service worker, which keeps the page for when there is no network.

import { lang } from "./i18n.js";
import { base, version } from "./place.js";
import { kept } from "./store.js";

// The one address that becomes a script; the page's Trusted Types allow no other policy.
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

export function register(): void {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return; // plain http:// on a LAN
  const url = `${base}/sw.js?v=${version}`;
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy("teahouse", { createScriptURL: () => url });
  // Without it, as in a private window, everything else works all the same.
  void serviceWorker.register(policy?.createScriptURL(url) ?? url, { scope: base + "/" }).then(keepLanguage, () => {});
}

// keepLanguage has the kept page in the language that one has chosen since.
function keepLanguage({ active }: ServiceWorkerRegistration): void {
  if (kept.language.get() === lang) return;
  kept.language.set(lang);
  active?.postMessage("refresh");
}
