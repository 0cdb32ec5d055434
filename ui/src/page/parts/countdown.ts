import { useEffect, useState } from "preact/hooks";

// useCountdown gives the whole seconds that are left until a time, and draws its
// component again whenever there is one less.
export function useCountdown(until: number): number {
  const [, tick] = useState(0);
  const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
  useEffect(() => {
    if (left === 0) return;
    // To the moment that a second is over, and a little more against early timers.
    const timer = setTimeout(() => tick((n) => n + 1), until - Date.now() - (left - 1) * 1000 + 20);
    return () => clearTimeout(timer);
  }, [until, left]);
  return left;
}
