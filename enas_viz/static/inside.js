/** A widget's page inside a frame of the site: it says how high it is, and takes the theme of the page around it. */

(() => {
  if (parent === window) return;
  document.documentElement.classList.add("inside");
  addEventListener("message", ({ source, data }) => {
    if (source !== parent || !data || !["light", "dark"].includes(data.enasTheme)) return;
    document.documentElement.setAttribute("theme", data.enasTheme);
  });
  document.addEventListener("DOMContentLoaded", () => {
    const tell = () => parent.postMessage({ enasHeight: document.body.offsetHeight }, "*");
    new ResizeObserver(tell).observe(document.body);
    tell();
  });
})();
