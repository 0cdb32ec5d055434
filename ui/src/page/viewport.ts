// fitViewport keeps the page as high as what can be seen of it: the keyboard of an
// iPhone covers the page instead of making it smaller.
export function fitViewport(): void {
  const view = window.visualViewport;
  if (!view) return;
  const fit = () => {
    if (view.scale > 1.01) return; // somebody zooms in: that's theirs
    document.documentElement.style.setProperty("--view", `${view.height}px`);
    scrollTo(0, 0);
  };
  view.addEventListener("resize", fit);
}
