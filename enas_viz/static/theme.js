/** The theme that a reader chose on the site, before anything is drawn. A classic script: pages that are files
 *  load no modules. Without a choice the system's theme holds. */

(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("enas-theme"); } catch { /* files may be kept from storing */ }
  if (chosen === "light" || chosen === "dark") document.documentElement.setAttribute("theme", chosen);
})();
